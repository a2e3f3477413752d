import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileModules } from './compile/compile.ts';
import type { DiagnosticCode } from './diagnostic-codes.ts';
import { DIAGNOSTIC_CODES } from './diagnostic-codes.ts';
import type { Diagnostic } from './diagnostics.ts';
import { formatDiagnostic } from './diagnostics.ts';
import { INSTANCE_CODES } from './diagnostic-codes-instance.ts';

const HEAD = 'module m { yang-version 1.1; namespace "urn:m"; prefix m;';

/** Other files that the examples import or include. */
const FILES: Readonly<Record<string, string>> = {
  types:
    'module types { namespace "urn:t"; prefix t; typedef port { type uint16; } extension mark { argument x; } }',
  'types@2020-01-01': '',
  sub: 'submodule sub { yang-version 1.1; belongs-to other { prefix o; } }',
  old: 'submodule old { belongs-to m { prefix m; } }',
  ring: 'module ring { namespace "urn:r"; prefix r; import m { prefix m; } }',
  clash: 'module clash { namespace "urn:m"; prefix c; }',
  misnamed: 'module another { namespace "urn:a"; prefix a; }',
  base: 'module base { yang-version 1.1; namespace "urn:b"; prefix b; container c; choice ch { leaf x { type int8; } } }',
};

function diagnose(text: string): Diagnostic[] {
  const { diagnostics } = compileModules({
    sources: text
      .split('\f')
      .map((part, index) => ({ name: index === 0 ? 'm.yang' : `${index}.yang`, text: part })),
    find: (name) =>
      FILES[name] === undefined ? undefined : { name: `${name}.yang`, text: FILES[name] },
  });
  return diagnostics;
}

type Example = readonly [code: DiagnosticCode, module: string, line: string, hint?: RegExp];

/** A module for each code; `…` stands for the usual head, columns count in what is written here. */
const EXAMPLES: readonly Example[] = [
  ['bad-character', `${HEAD}\n  units a\u0001; }`, '2:10'],
  ['unterminated-string', `${HEAD}\n  description "x; }`, '2:15'],
  ['unterminated-comment', `${HEAD}\n  /* x }`, '2:3'],
  ['bad-escape', `${HEAD}\n  description "a\\q"; }`, '2:17', /single quotes/],
  ['odd-escape', 'module m { namespace "urn:m"; prefix m;\n  description "a\\q"; }', '2:17'],
  ['tab-before-string', `${HEAD}\n\tdescription "a\n  b"; }`, '2:14'],
  ['missing-separator', `${HEAD}\n  description"x"; }`, '2:3'],
  ['unexpected-token', `${HEAD}\n  leaf a { type string } }`, '2:24', /Put a ";" after "type …"/],
  ['unclosed-block', `${HEAD}\n  container a {`, '2:16'],
  ['text-after-module', `${HEAD} }\nx;`, '2:1'],
  ['too-deep', `${HEAD}\n${'container a {'.repeat(201)}`, '2:2601'],
  ['too-many-errors', `${HEAD}\n${'leaf a { type }'.repeat(60)} }`, '2:750'],
  ['unknown-statement', `${HEAD}\n  contaner a; }`, '2:3', /Did you mean "container"\?/],
  ['misplaced-statement', `${HEAD}\n  leaf a { type int8; key "a"; } }`, '2:23'],
  ['newer-statement', 'module m { namespace "urn:m"; prefix m;\n  anydata a; }', '2:3'],
  ['missing-statement', `${HEAD}\n  leaf a; }`, '2:3'],
  ['repeated-statement', `${HEAD}\n  container a { presence "x"; presence "y"; } }`, '2:31'],
  ['statement-order', `${HEAD}\n  leaf a { type int8; } import types { prefix t; } }`, '2:25'],
  ['missing-argument', `${HEAD}\n  container; }`, '2:3'],
  ['unexpected-argument', `${HEAD}\n  rpc a { input x { leaf b { type int8; } } } }`, '2:17'],
  ['bad-argument', `${HEAD}\n  leaf a { type int8; config yes; } }`, '2:30'],
  ['bad-xpath', `${HEAD}\n  leaf a { type int8; must "1 + "; } }`, '2:33'],
  ['bad-pattern', `${HEAD}\n  leaf a { type string { pattern "a("; } } }`, '2:36'],
  ['bad-version', 'module m { yang-version 2; namespace "urn:m"; prefix m; }', '1:25'],
  ['not-a-module', 'modul m { }', '1:1', /Did you mean "module"\?/],
  ['revision-order', `${HEAD}\n  revision 2020-01-01; revision 2021-01-01; }`, '2:33'],
  ['module-not-found', `${HEAD}\n  import nowhere { prefix n; } }`, '2:10', /nowhere\.yang/],
  ['not-standalone', FILES.sub!, '1:11', /Load module "other"/],
  ['wrong-kind-of-module', `${HEAD}\n  import sub { prefix n; } }`, '2:10'],
  ['wrong-module-name', `${HEAD}\n  import misnamed { prefix n; } }`, '2:10'],
  ['wrong-belongs-to', `${HEAD}\n  include sub; }`, '2:11'],
  ['import-cycle', `${HEAD}\n  import ring { prefix n; } }`, '1:51', /third module/],
  ['two-revisions', `${HEAD} }\f${HEAD} revision 2020-01-01; }`, '1:8'],
  ['duplicate-namespace', `${HEAD}\n  import clash { prefix c; } }`, '1:41'],
  ['duplicate-prefix', `${HEAD}\n  import types { prefix m; } }`, '2:25'],
  ['version-mismatch', `${HEAD}\n  include old; }`, '2:11'],
  [
    'unknown-prefix',
    `${HEAD}\n  import types { prefix typ; } leaf a { type tip:port; } }`,
    '2:46',
    /Did you mean "typ"\?/,
  ],
  [
    'unknown-extension',
    `${HEAD}\n  import types { prefix t; } t:mrak "x"; }`,
    '2:30',
    /Did you mean "t:mark"\?/,
  ],
  ['duplicate-definition', `${HEAD}\n  container a; leaf a { type int8; } }`, '2:21'],
  ['unknown-reference', `${HEAD}\n  leaf a { type strin; } }`, '2:17', /Did you mean "string"\?/],
  ['reference-cycle', `${HEAD}\n  grouping g { uses g; } }`, '2:21'],
  [
    'unknown-node',
    `${HEAD}\n  container abc; augment /m:abd { leaf x { type int8; } } }`,
    '2:27',
    /Did you mean "abc"\?/,
  ],
  [
    'wrong-node-kind',
    `${HEAD}\n  grouping g { leaf a { type int8; } } uses g { refine a { presence x; } } }`,
    '2:60',
  ],
  ['restriction-not-allowed', `${HEAD}\n  leaf a { type int8 { length 1; } } }`, '2:24'],
  ['restriction-missing', `${HEAD}\n  leaf a { type decimal64; } }`, '2:17'],
  ['restriction-wider', `${HEAD}\n  leaf a { type uint8 { range "1..5 | 200..300"; } } }`, '2:39'],
  ['restriction-order', `${HEAD}\n  leaf a { type uint8 { range "5..1"; } } }`, '2:32'],
  [
    'enum-not-in-base',
    `${HEAD}\n  typedef t { type enumeration { enum red; } } leaf a { type t { enum rad; } } }`,
    '2:71',
    /Did you mean "red"\?/,
  ],
  [
    'enum-value',
    `${HEAD}\n  leaf a { type enumeration { enum x { value 1; } enum y { value 1; } } } }`,
    '2:66',
  ],
  ['bad-default', `${HEAD}\n  leaf a { type int8; default 300; } }`, '2:31'],
  ['default-not-allowed', `${HEAD}\n  leaf a { type int8; mandatory true; default 3; } }`, '2:39'],
  [
    'bad-key',
    `${HEAD}\n  list a { key "nmae"; leaf name { type string; } } }`,
    '2:17',
    /Did you mean "name"\?/,
  ],
  ['bad-unique', `${HEAD}\n  list a { key n; unique "n x"; leaf n { type int8; } } }`, '2:29'],
  [
    'config-under-state',
    `${HEAD}\n  container a { config false; container b { config true; } } }`,
    '2:52',
  ],
  [
    'min-above-max',
    `${HEAD}\n  leaf-list a { type int8; min-elements 3; max-elements 2; } }`,
    '2:41',
  ],
  [
    'mandatory-augment',
    `${HEAD}\n  import base { prefix b; } augment /b:c { leaf x { type int8; mandatory true; } } }`,
    '2:37',
    /Add "when"/,
  ],
  [
    'bad-deviation',
    `${HEAD}\n  leaf a { type int8; } deviation /m:a { deviate replace { units x; } } }`,
    '2:60',
    /deviate add/,
  ],
  [
    'bad-refine',
    `${HEAD}\n  grouping g { leaf a { type int8; } } uses g { refine a { default 1; default 2; } } }`,
    '2:56',
  ],
  ['bad-path', `${HEAD}\n  container c; leaf a { type leafref { path "../c"; } } }`, '2:46'],
  ['misplaced-operation', `${HEAD}\n  rpc r { input { container c { action a; } } } }`, '2:33'],
  [
    'status-reference',
    `${HEAD}\n  typedef t { status obsolete; type int8; } leaf a { type t; } }`,
    '2:59',
  ],
  [
    'status-of-parent',
    `${HEAD}\n  container c { status obsolete; leaf a { status current; type int8; } } }`,
    '2:50',
  ],
  [
    'xpath-unknown-node',
    `${HEAD}\n  leaf abc { type int8; must "../abd"; } }`,
    '2:34',
    /Did you mean "abc"\?/,
  ],
  [
    'xpath-unknown-identity',
    `${HEAD}\n  identity i; leaf a { type int8; must "derived-from(., 'm:j')"; } }`,
    '2:57',
  ],
  [
    'path-unknown-node',
    `${HEAD}\n  leaf abc { type leafref { path "../abd"; } } }`,
    '2:38',
    /Did you mean "abc"\?/,
  ],
  [
    'xpath-function',
    `${HEAD}\n  leaf a { type int8; must "cuont(.)"; } }`,
    '2:29',
    /Did you mean "count"\?/,
  ],
  [
    'when-loop',
    `${HEAD}\n  leaf a { when "../b"; type int8; } leaf b { when "../a"; type int8; } }`,
    '2:18',
  ],
];

describe('each mistake in a module is said once, where it is', () => {
  for (const [code, text, place, hint] of EXAMPLES) {
    test(code, () => {
      const found = diagnose(text).filter((diagnostic) => diagnostic.code === code);
      const [first] = found;
      assert.ok(first !== undefined, diagnose(text).map(formatDiagnostic).join('\n'));
      assert.equal(`${first.span.start.line}:${first.span.start.column}`, place);
      assert.equal(found.length, 1);
      if (hint !== undefined) assert.match(first.hint ?? '', hint);
    });
  }
});

test('every code of modules has an example', () => {
  // Files that cannot be read, and schemas of 300 000 nodes, have tests of their own.
  const elsewhere = [...Object.keys(INSTANCE_CODES), 'file-not-readable', 'too-many-nodes'];
  const shown = new Set<string>([...EXAMPLES.map(([code]) => code), ...elsewhere]);
  assert.deepEqual(
    Object.keys(DIAGNOSTIC_CODES).filter((code) => !shown.has(code)),
    [],
  );
});

test('a run reports the mistakes of all parts of a module', () => {
  const text = `${HEAD}
  import nowhere { prefix n; }
  leaf a { tpye string; }
  leaf b { type uint8 { range "1..300"; } }
  list c { key "x"; leaf y { type string; } }
  augment /m:d { leaf z { type int8; } }
}`;
  assert.deepEqual(
    diagnose(text).map(({ code, span }) => `${span.start.line} ${code}`),
    [
      '2 module-not-found',
      '3 unknown-statement',
      '4 restriction-wider',
      '5 bad-key',
      '6 unknown-node',
    ],
  );
});

test('a diagnostic is shown with its place, what is expected, what to do, and the related place', () => {
  const [found] = diagnose(`${HEAD}\n  container a { presence "x"; presence "y"; } }`);
  assert.equal(
    formatDiagnostic(found!),
    [
      'm.yang:2:31: error: "presence" occurs more than once in "container" [repeated-statement]',
      '  m.yang:2:17: the first one is here',
    ].join('\n'),
  );
});

test('groupings that multiply each other stop at a limit', () => {
  const levels = Array.from({ length: 20 }, (_, level) => {
    const uses = Array.from(
      { length: 4 },
      (__, index) => `container c${index} { uses g${level + 1}; }`,
    );
    return `grouping g${level} { ${uses.join(' ')} }`;
  });
  const text = `${HEAD} ${levels.join('\n')} grouping g20 { leaf x { type int8; } } uses g0; }`;
  assert.ok(diagnose(text).some(({ code }) => code === 'too-many-nodes'));
});

test('a mistake is not reported again by what depends on it', () => {
  const text = `${HEAD}
  import nowhere { prefix n; }
  list l { key "k"; leaf k { type strin; } leaf a { type n:t; must "../n:x"; } uses n:g; }
  leaf b { type leafref { path "/m:l/m:k"; } default "x"; }
}`;
  assert.deepEqual(
    diagnose(text).map(({ code, span }) => `${span.start.line} ${code}`),
    ['2 module-not-found', '3 unknown-reference'],
  );
});

test('a missing import is named', () => {
  const [found] = diagnose(`${HEAD} leaf a { type inet:host; } }`);
  assert.match(found!.hint!, /import ietf-inet-types \{ prefix inet; \}/);
});
