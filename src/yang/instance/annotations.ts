/** Annotations of instances (RFC 7952 §5.2). */
import { didYouMean } from '../suggest.ts';
import { namesOfData } from '../types/names.ts';
import { readJson, show, toJson } from '../types/read.ts';
import type { JsonMember, JsonNode } from './json-reader.ts';
import { plainJson } from './json-reader.ts';
import type { InstanceSession } from './session.ts';
import type { InstanceNode } from './tree.ts';
import { instancePath } from './tree.ts';

/** Reads `@` (of the object itself) or `@name` (of its member `name`). */
export function readAnnotations(
  session: InstanceSession,
  member: JsonMember,
  parent: InstanceNode,
): void {
  if (member.name === '@') {
    readObject(session, member.value, parent);
    return;
  }
  const name = member.name.slice(1).replace(/^.*:/, '');
  const targets = parent.children.filter((child) => child.schema?.name === name);
  if (targets.length === 0) {
    const path = instancePath(parent);
    session.reporter.report('unknown-annotation', member.nameSpan, { name: member.name, path });
    return;
  }
  const objects = member.value.kind === 'array' ? member.value.items : [member.value];
  for (const [index, object] of objects.entries()) {
    const target = targets[index];
    const nothing = object.kind === 'scalar' && object.value === null;
    if (target !== undefined && !nothing) readObject(session, object, target);
  }
}

function readObject(session: InstanceSession, node: JsonNode, target: InstanceNode): void {
  const path = instancePath(target);
  if (node.kind !== 'object') {
    const found = node.kind === 'array' ? 'an array' : 'a value';
    const parameters = { path: `annotations of ${path}`, found, expected: 'an object' };
    session.reporter.report('json-type', node.span, parameters);
    return;
  }
  for (const { name, nameSpan, value } of node.members) {
    const [prefix = '', local = ''] = name.split(':');
    const module = session.context.findModule(prefix);
    const annotation = module?.annotations.find((candidate) => candidate.name === local);
    if (module === undefined || annotation === undefined) {
      const hint = didYouMean(local, module?.annotations.map((one) => one.name) ?? []);
      session.reporter.report('unknown-annotation', nameSpan, { name, path }, { hint });
      continue;
    }
    const names = namesOfData((other) => session.context.findModule(other), module);
    const read = readJson(annotation.type, plainJson(value), names);
    if (read.ok) target.annotations.set(name, toJson(read.value));
    else {
      const parameters = {
        path: `${path}@${name}`,
        value: show(plainJson(value)),
        problem: read.problem,
      };
      session.reporter.report('invalid-value', value.span, parameters);
    }
  }
}
