/** Runs `yanglint` (Debian package libyang-tools), the independent tool that our results are compared with. */
import { spawn, spawnSync } from 'node:child_process';
import { installPackage } from '../support/debian.ts';

/** What a run of yanglint said. */
export interface Verdict {
  accepted: boolean;
  output: string;
  errors: string;
}

/** A run that takes longer has hung: the longest one here takes 3 s. */
const LIMIT_MS = 60_000;

/**
 * The reason to skip, or undefined when yanglint is there. In CI it is installed (as root); without it CI
 * fails, since nothing would be compared.
 */
export function missingYanglint(): string | undefined {
  if (isInstalled()) return undefined;
  if (process.env.CI !== 'true') {
    return 'needs yanglint: install the Debian package libyang-tools';
  }
  installPackage('libyang-tools');
  if (!isInstalled()) throw new Error('yanglint is missing: apt-get install libyang-tools failed');
  return undefined;
}

function isInstalled(): boolean {
  return spawnSync('yanglint', ['--version']).status === 0;
}

/** Always with -D: otherwise yanglint walks the whole working directory for imports. */
export function yanglint(args: readonly string[]): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = spawn('yanglint', ['-D', ...args], { timeout: LIMIT_MS });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (signal !== null) reject(new Error(`yanglint was ended by ${signal}`));
      const text = (parts: Buffer[]): string => Buffer.concat(parts).toString('utf8');
      resolve({ accepted: status === 0, output: text(output), errors: text(errors) });
    });
  });
}

/** Lines of a file of probes: `probe`, or `~ why we judge otherwise than yanglint ~ probe`. */
export function parseProbes(text: string): { probe: string; difference: string | undefined }[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const match = /^~ (.*?) ~ (.*)$/.exec(line);
      return { probe: match?.[2] ?? line, difference: match?.[1] };
    });
}
