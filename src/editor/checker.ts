/**
 * When documents are checked: a while after the last change, one module at a time, and only those that a
 * change can matter to. What is found in several modules about one file is shown together.
 */
import type { Diagnostic } from '../yang/diagnostics.ts';
import type { Checked } from './check.ts';

export interface CheckerOptions {
  rootOf: (file: string) => string;
  check: (root: string) => Checked;
  publish: (file: string, diagnostics: Diagnostic[]) => void;
  /** Milliseconds without a change after which a check begins. */
  quiet: number;
  /** Milliseconds after which it begins even if changes go on. */
  atMost: number;
}

export class Checker {
  readonly #options: CheckerOptions;
  readonly #open = new Set<string>();
  readonly #results = new Map<string, Checked>();
  /** Files that changed since they were last part of a check. */
  readonly #changed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #firstChange: number | undefined;
  #isRunning = false;

  constructor(options: CheckerOptions) {
    this.#options = options;
  }

  /** A document was opened or changed. */
  changed(file: string): void {
    this.#open.add(file);
    this.#changed.add(file);
    this.#schedule();
  }

  /** A document was closed: what is said in it is not ours any more, and others see what is on the disk. */
  closed(file: string): void {
    this.#open.delete(file);
    this.#changed.add(file);
    this.#schedule();
  }

  /** Files on the disk came, went or changed: everything open may depend on them. */
  changedOnDisk(): void {
    for (const file of this.#open) this.#changed.add(file);
    this.#schedule();
  }

  /** Ends; what is under way publishes nothing more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#open.clear();
    this.#changed.clear();
  }

  #schedule(): void {
    if (this.#isRunning) return;
    const now = performance.now();
    this.#firstChange ??= now;
    const latest = this.#firstChange + this.#options.atMost;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => void this.#run(),
      Math.max(0, Math.min(this.#options.quiet, latest - now)),
    );
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#firstChange = undefined;
    const changed = new Set(this.#changed);
    this.#changed.clear();
    const roots = new Map([...this.#open].map((file) => [file, this.#options.rootOf(file)]));
    const wanted = new Set(roots.values());
    for (const root of this.#results.keys()) if (!wanted.has(root)) this.#results.delete(root);
    for (const root of wanted) {
      if (!this.#isAffected(root, changed)) continue;
      this.#results.set(root, this.#options.check(root));
      // Requests of the client that came meanwhile are answered before the next check.
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const file of roots.keys()) this.#publish(file);
    this.#isRunning = false;
    if (this.#changed.size > 0) this.#schedule();
  }

  /** A module with errors may lack what has just come. */
  #isAffected(root: string, changed: ReadonlySet<string>): boolean {
    const last = this.#results.get(root);
    if (last === undefined || last.hasErrors || changed.has(root)) return true;
    for (const file of changed) if (last.reads.has(file)) return true;
    return false;
  }

  /** A file that changed or closed since its check is left to the next one. */
  #publish(file: string): void {
    if (!this.#open.has(file) || this.#changed.has(file)) return;
    const seen = new Set<string>();
    const found: Diagnostic[] = [];
    for (const { diagnostics } of this.#results.values()) {
      for (const one of diagnostics.get(file) ?? []) {
        const { start } = one.span;
        const key = `${start.line}:${start.column}:${one.code}:${one.message}`;
        if (!seen.has(key)) found.push(one);
        seen.add(key);
      }
    }
    this.#options.publish(file, found);
  }
}
