/** What choices, cases and containers with presence say of their columns (RFC 7950 §7.5.1, §7.9). */
import type { CaseNode, ChoiceNode, ContainerNode, SchemaNode } from '../../yang/schema.ts';
import type { EntityDraft } from '../draft/draft.ts';
import { columnOf, nodeSpan, nodeTitle } from '../draft/draft.ts';
import { isOperation } from '../draft/entities.ts';
import { sqlName } from '../ir/names.ts';
import { columnsBelow, existsSql } from '../draft/presence.ts';
import type { CheckDraft } from './row-checks.ts';

/** The checks of an entity's choices, presence containers and conditional mandatory nodes. */
export function structureChecks(draft: EntityDraft): CheckDraft[] {
  const checks: CheckDraft[] = [];
  const visit = (node: SchemaNode, holder: ContainerNode | CaseNode | undefined): void => {
    if (isOperation(node) || (node.kind === 'list' && node !== draft.node)) return;
    if (node.kind === 'choice') checks.push(choiceCheck(node, draft));
    if (holder !== undefined && isMandatory(node)) checks.push(neededIn(holder, node, draft));
    const isHolder =
      node.kind === 'case' || (node.kind === 'container' && node.presence !== undefined);
    if (node.kind === 'container' && node.presence !== undefined) {
      checks.push(...absentWithout(node, draft));
    }
    for (const child of node.children) visit(child, isHolder ? node : holder);
  };
  visit(draft.node, undefined);
  return checks;
}

/** Nodes that must exist whenever what holds them does; `when` has its own check. */
function isMandatory(node: SchemaNode): boolean {
  if (node.whens.length > 0) return false;
  if (node.kind === 'leaf' || node.kind === 'choice') return node.mandatory;
  return node.kind === 'leaf-list' && node.minElements > 0;
}

function choiceCheck(choice: ChoiceNode, draft: EntityDraft): CheckDraft {
  const cases = choice.children.map((child) => `(${existsSql(child, draft)})::integer`);
  const required = choice.mandatory && isAlways(choice, draft);
  return {
    name: [sqlName(choice.name), 'choice'],
    expression: `${cases.join(' + ') || '0'} ${required ? '=' : '<='} 1`,
    columns: columnsBelow(choice, draft, 'all'),
    span: nodeSpan(choice),
    title: `choice ${choice.name}`,
  };
}

/** Nothing between the entity and the node depends on a condition. */
function isAlways(node: SchemaNode, draft: EntityDraft): boolean {
  for (
    let at: SchemaNode | undefined = node;
    at !== undefined && at !== draft.node;
    at = at.parent
  ) {
    if (at.kind === 'case' || at.whens.length > 0) return false;
    if (at.kind === 'container' && at.presence !== undefined) return false;
  }
  return true;
}

function neededIn(
  holder: ContainerNode | CaseNode,
  node: SchemaNode,
  draft: EntityDraft,
): CheckDraft {
  return {
    name: [columnOf(draft, node)?.name ?? sqlName(node.name), 'needed'],
    expression: `NOT ${existsSql(holder, draft)} OR ${existsSql(node, draft)}`,
    columns: [...columnsBelow(holder, draft, 'all')],
    span: nodeSpan(node),
    title: `mandatory ${nodeTitle(node)}`,
  };
}

/** Where the container is absent, so is everything in it. */
function absentWithout(container: ContainerNode, draft: EntityDraft): CheckDraft[] {
  const inside = container.children.filter((child) => child.kind !== 'list' && !isOperation(child));
  if (inside.length === 0) return [];
  const any = inside.map((child) => existsSql(child, draft)).join(' OR ');
  return [
    {
      name: [columnOf(draft, container)?.name ?? sqlName(container.name), 'presence'],
      expression: `${existsSql(container, draft)} OR NOT (${any})`,
      columns: columnsBelow(container, draft, 'all'),
      span: nodeSpan(container),
      title: `presence of ${nodeTitle(container)}`,
    },
  ];
}
