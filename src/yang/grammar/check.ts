import type { Reporter } from '../reporter.ts';
import type { Statement } from '../statement.ts';
import { argumentSlice, argumentSpan, findSubstatement, keywordSpan } from '../statement.ts';
import { didYouMean, nearest } from '../suggest.ts';
import { checkArgument } from './arguments.ts';
import type { ChildRule, StatementRule } from './statements.ts';
import { KEYWORDS, SECTIONS, statementRule } from './statements.ts';

export interface GrammarOptions {
  yangVersion: '1' | '1.1';
  reporter: Reporter;
}

/** Checks keywords, arguments, places and numbers of a file's statements (RFC 7950 §14). */
export function checkGrammar(root: Statement, options: GrammarOptions): void {
  if (root.keyword !== 'module' && root.keyword !== 'submodule') {
    const hint = didYouMean(root.keyword, ['module', 'submodule']);
    const span = keywordSpan(root);
    options.reporter.report('not-a-module', span, { keyword: root.keyword }, { hint });
    return;
  }
  checkSections(root, options);
  checkStatement(root, options);
}

function checkStatement(statement: Statement, options: GrammarOptions): void {
  const rule = statementRule(statement.keyword, statement.argument);
  if (rule === undefined) return;
  checkOwnArgument(statement, rule, options);
  const counts = new Map<string, Statement>();
  for (const child of statement.substatements) {
    if (child.prefix !== undefined) checkExtension(child, options);
    else if (checkPlace(child, statement, { rule, counts, options }))
      checkStatement(child, options);
  }
  for (const [keyword, { min }] of rule.children) {
    if (min === 0 || counts.has(keyword)) continue;
    const parameters = { keyword, parent: statement.keyword };
    options.reporter.report('missing-statement', keywordSpan(statement), parameters);
  }
  checkCombination(statement, options);
}

/** What is below an extension's statement may be anywhere; known statements in it are still checked. */
function checkExtension(statement: Statement, options: GrammarOptions): void {
  for (const child of statement.substatements) {
    if (child.prefix !== undefined) checkExtension(child, options);
    else checkStatement(child, options);
  }
}

function checkOwnArgument(
  statement: Statement,
  rule: StatementRule,
  options: GrammarOptions,
): void {
  const { keyword, argument } = statement;
  const { reporter } = options;
  if (rule.argument === 'none') {
    if (argument !== undefined) {
      reporter.report('unexpected-argument', argumentSpan(statement), { keyword });
    }
    return;
  }
  if (argument === undefined) {
    reporter.report('missing-argument', keywordSpan(statement), { keyword });
    return;
  }
  const problem = checkArgument(rule.argument, argument);
  if (problem === undefined) {
    checkVersionOfArgument(statement, options);
    return;
  }
  const span = argumentSlice(statement, problem);
  if (problem.code === 'bad-argument') {
    const help = { expected: problem.expected, hint: problem.problem };
    reporter.report('bad-argument', span, { keyword, argument: argument.slice(0, 80) }, help);
  } else reporter.report(problem.code, span, { problem: problem.problem ?? '' });
}

function checkVersionOfArgument(statement: Statement, options: GrammarOptions): void {
  if (options.yangVersion === '1.1') return;
  const { keyword, argument = '' } = statement;
  if (keyword === 'if-feature' && /[\s()]/.test(argument)) {
    const what = 'an expression in "if-feature"';
    options.reporter.report('newer-statement', argumentSpan(statement), { what });
  }
}

interface PlaceContext {
  rule: StatementRule;
  counts: Map<string, Statement>;
  options: GrammarOptions;
}

/** Whether the statement may stand there; what is wrong with its place is reported. */
function checkPlace(child: Statement, parent: Statement, context: PlaceContext): boolean {
  const { rule, counts, options } = context;
  const childRule = rule.children.get(child.keyword);
  if (childRule === undefined) {
    reportUnknown(child, parent, context);
    return false;
  }
  const first = counts.get(child.keyword);
  if (first === undefined) counts.set(child.keyword, child);
  const newer = isNewer(childRule, first, options);
  if (newer) {
    const what =
      childRule.since === 'yang-1.1'
        ? `"${child.keyword}" in "${parent.keyword}"`
        : `more than one "${child.keyword}" in "${parent.keyword}"`;
    options.reporter.report('newer-statement', keywordSpan(child), { what });
  } else if (first !== undefined && childRule.max === 1)
    reportRepeated(child, parent, { first, options });
  return true;
}

function isNewer(rule: ChildRule, first: Statement | undefined, options: GrammarOptions): boolean {
  if (options.yangVersion === '1.1' || rule.since === 'anywhere') return false;
  return rule.since === 'yang-1.1' || first !== undefined;
}

function reportRepeated(
  child: Statement,
  parent: Statement,
  { first, options }: { first: Statement; options: GrammarOptions },
): void {
  const related = [{ message: 'the first one is here', position: first.position }];
  const parameters = { keyword: child.keyword, parent: parent.keyword };
  options.reporter.report('repeated-statement', keywordSpan(child), parameters, { related });
}

function reportUnknown(child: Statement, parent: Statement, context: PlaceContext): void {
  const { keyword } = child;
  const { reporter } = context.options;
  const allowed = [...context.rule.children.keys()];
  if (statementRule(keyword) === undefined) {
    const meant = nearest(keyword, allowed);
    // The statement that is meant counts as present: its absence would be a second message on one mistake.
    if (meant !== undefined) context.counts.set(meant, child);
    const hint = meant === undefined ? didYouMean(keyword, KEYWORDS) : `Did you mean "${meant}"?`;
    reporter.report('unknown-statement', keywordSpan(child), { keyword }, { hint });
    return;
  }
  const expected = allowed.length === 0 ? 'no substatements' : allowed.join(', ');
  const parameters = { keyword, parent: parent.keyword };
  reporter.report('misplaced-statement', keywordSpan(child), parameters, { expected });
}

/** Rules about statements next to each other that a table of numbers cannot say. */
function checkCombination(statement: Statement, { reporter }: GrammarOptions): void {
  const need = (keywords: readonly string[], wanted: string): void => {
    if (statement.substatements.some((child) => keywords.includes(child.keyword))) return;
    const parameters = { keyword: wanted, parent: statement.keyword };
    reporter.report('missing-statement', keywordSpan(statement), parameters);
  };
  if (statement.keyword === 'module') checkVersionArgument(statement, reporter);
  if (statement.keyword === 'input' || statement.keyword === 'output') need(DATA, 'leaf');
  if (statement.keyword === 'augment') need([...DATA, 'case', 'action', 'notification'], 'leaf');
  if (statement.keyword === 'deviation') checkDeviation(statement, reporter);
  for (const child of statement.substatements) {
    if (child.keyword === 'augment') checkAugmentPath(child, statement, reporter);
  }
}

/** The path of an augment is absolute, except below `uses`, where it leads down (RFC 7950 §7.17). */
function checkAugmentPath(augment: Statement, parent: Statement, reporter: Reporter): void {
  const argument = augment.argument ?? '';
  const absolute = parent.keyword !== 'uses';
  if (argument.startsWith('/') === absolute) return;
  const expected = absolute
    ? 'a path from the root: "/prefix:name/…"'
    : 'a path to a node below: "name/…"';
  reporter.report(
    'bad-argument',
    argumentSpan(augment),
    { keyword: 'augment', argument },
    { expected },
  );
}

const DATA = ['container', 'leaf', 'leaf-list', 'list', 'choice', 'anydata', 'anyxml', 'uses'];

function checkVersionArgument(module: Statement, reporter: Reporter): void {
  const version = findSubstatement(module, 'yang-version');
  if (version?.argument === undefined || ['1', '1.1'].includes(version.argument)) return;
  reporter.report('bad-version', argumentSpan(version), { version: version.argument });
}

/** `not-supported` stands alone (RFC 7950 §7.20.3.2). */
function checkDeviation(deviation: Statement, reporter: Reporter): void {
  const deviates = deviation.substatements.filter((child) => child.keyword === 'deviate');
  const alone = deviates.find((child) => child.argument === 'not-supported');
  if (alone === undefined || deviates.length === 1) return;
  const problem = '"deviate not-supported" cannot stand beside another "deviate"';
  reporter.report('bad-deviation', keywordSpan(alone), { problem });
}

/** Header, linkage, meta and revisions come in this order, before the body (RFC 7950 §7.1). */
function checkSections(root: Statement, { reporter }: GrammarOptions): void {
  let reached = 0;
  let last: Statement | undefined;
  for (const child of root.substatements) {
    if (child.prefix !== undefined || statementRule(child.keyword) === undefined) continue;
    const found = SECTIONS.findIndex((section) => section.includes(child.keyword));
    const section = found < 0 ? SECTIONS.length : found;
    if (section < reached && last !== undefined) {
      const parameters = { keyword: child.keyword, after: last.keyword };
      const related = [{ message: `"${last.keyword}" stands here`, position: last.position }];
      reporter.report('statement-order', keywordSpan(child), parameters, { related });
    } else {
      if (section > reached) last = child;
      reached = section;
    }
    last ??= child;
  }
}
