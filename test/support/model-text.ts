import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompileAllResult } from '../../src/model/compile.ts';
import { compileModels } from '../../src/model/compile.ts';
import { ROOT } from './root.ts';

/** The package's folders with modules. */
export const SEARCH_PATH = ['yang', 'models/dns', 'models/dhcp'].map((folder) =>
  join(ROOT, folder),
);

/** A module of a model with this body; its service is `test`. */
export function moduleText(body: string, head = 'crp:service "test";'): string {
  return `module test-model {
  yang-version 1.1;
  namespace "urn:test";
  prefix t;
  import common-replication { prefix crp; }
  import ietf-yang-types { prefix yang; }
  import ietf-inet-types { prefix inet; }
  revision 2026-11-24;
  ${head}
${body}
}
`;
}

/** Compiles module texts, the first named test-model, as files of one model. */
export function compileTexts(...texts: string[]): CompileAllResult {
  const folder = mkdtempSync(join(tmpdir(), 'crp-model-'));
  try {
    const files = texts.map((text) => {
      const file = join(folder, `${/module\s+([\w-]+)/.exec(text)![1]}.yang`);
      writeFileSync(file, text);
      return file;
    });
    return compileModels({ files, searchPath: [folder, ...SEARCH_PATH] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
