import { readFileSync } from 'node:fs';

/** Between two looks: reading a process's mappings takes a few milliseconds. */
const EVERY_MS = 200;
/** A mapping's first line in smaps (proc(5)) ends with the file's path; its `Rss` line follows. */
const MAPPING = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/;

/**
 * Resident memory of a process, bytes, without the pages of its journal: LMDB reads through a mapping of its
 * file, so these are the page cache's, which takes them back when somebody needs them (proc(5), smaps).
 *
 * @returns 0 when the process is gone
 */
export function residentMemory(pid: number): number {
  let total = 0;
  let path = '';
  for (const line of smaps(pid).split('\n')) {
    const mapping = MAPPING.exec(line);
    if (mapping !== null) path = mapping[1]!;
    else if (line.startsWith('Rss:') && !path.endsWith('.lmdb')) total += kilobytes(line);
  }
  return total;
}

function smaps(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/smaps`, 'utf8');
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
  #peaks: number[] = [];

  /** @param pids which processes, at each look; their number and order stay the same */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    this.#timer = setInterval(() => this.#look(), EVERY_MS).unref();
  }

  #look(): void {
    this.#peaks = this.#pids().map((pid, index) =>
      Math.max(this.#peaks[index] ?? 0, residentMemory(pid)),
    );
  }

  /** Highest resident memory of each process at any look, bytes. */
  stop(): number[] {
    clearInterval(this.#timer);
    this.#look();
    return this.#peaks;
  }
}
