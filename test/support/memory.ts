import { readFileSync } from 'node:fs';

/** Between two looks. */
const EVERY_MS = 100;
/** A mapping's first line in smaps (proc(5)) ends with the file's path; its `Rss` and `Anonymous` lines follow. */
const MAPPING = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/;

/** Resident memory of a process that belongs to no file, bytes; 0 when it is gone. The kernel counts it (proc(5), status). */
function ownMemory(pid: number): number {
  const lines = read(pid, 'status').split('\n');
  const own = lines.filter((line) => line.startsWith('RssAnon:') || line.startsWith('RssShmem:'));
  return own.reduce((sum, line) => sum + kilobytes(line), 0);
}

/**
 * Resident pages of the files that a process has mapped, its program above all, bytes; without those of its journal:
 * LMDB reads through a mapping of its file, so these are the page cache's, which takes them back when somebody needs them.
 * The kernel walks the page tables for this, which takes the process itself some milliseconds.
 */
function fileMemory(pid: number): number {
  let total = 0;
  let isCounted = false;
  for (const line of read(pid, 'smaps').split('\n')) {
    const mapping = MAPPING.exec(line);
    if (mapping !== null) isCounted = mapping[1]!.startsWith('/') && !mapping[1]!.endsWith('.lmdb');
    else if (isCounted && line.startsWith('Rss:')) total += kilobytes(line);
    else if (isCounted && line.startsWith('Anonymous:')) total -= kilobytes(line);
  }
  return total;
}

function read(pid: number, file: 'status' | 'smaps'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function kilobytes(line: string): number {
  return Number(/(\d+) kB/.exec(line)![1]) * 1024;
}

/** Looks at processes again and again, until it is told to stop. */
export class MemoryWatch {
  readonly #pids: () => readonly number[];
  readonly #timer: NodeJS.Timeout;
  #own: number[] = [];
  #files: number[];

  /** @param pids which processes, at each look; their number and order stay the same */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    this.#files = pids().map(fileMemory);
    this.#timer = setInterval(() => this.#look(), EVERY_MS).unref();
  }

  #look(): void {
    this.#own = this.#greatest(this.#own, ownMemory);
  }

  #greatest(before: readonly number[], memory: (pid: number) => number): number[] {
    return this.#pids().map((pid, index) => Math.max(before[index] ?? 0, memory(pid)));
  }

  /** Highest resident memory of each process, bytes: its own at any look, with the files' at the beginning or the end. */
  stop(): number[] {
    clearInterval(this.#timer);
    this.#look();
    this.#files = this.#greatest(this.#files, fileMemory);
    return this.#own.map((own, index) => own + this.#files[index]!);
  }
}
