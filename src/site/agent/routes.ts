import type { ServerHttp2Stream } from 'node:http2';
import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Beacon } from '../../apply/beacon.ts';
import type { Journal } from '../../journal/journal.ts';
import { INVITED_PATH, readJson } from '../../link/requests.ts';
import type { Route, RouteRequest } from '../../link/server.ts';
import { readPositions } from '../../repair/positions.ts';
import { repairRoutes } from '../../repair/routes.ts';
import type { RepairContext } from '../../repair/routes.ts';
import type { BasePart, BasePartEnd } from '../base-copy/base-format.ts';
import { PART_PATH } from '../base-copy/base-load.ts';
import { lastPosition } from '../base-copy/base-position.ts';
import { partTables, serveBase } from '../base-copy/base-serve.ts';
import { readMembers, upsertMember } from '../database/catalog.ts';
import type { InstalledModel, Member } from '../database/catalog.ts';
import { parseAddress } from '../config/address.ts';
import { REMOVED_HINT } from '../../link/link-errors.ts';
import { checkGreeting } from '../members/gossip.ts';
import type { Greeter } from '../members/greeter.ts';
import type { Members } from '../members/members.ts';
import { certificationRoute } from '../create/certification.ts';
import { joinNumber, memberExists } from '../create/numbers.ts';
import { CERTIFICATE_PATH, renewalRoute } from '../create/renewal.ts';

export interface RouteContext {
  client: () => Client;
  dsn: string;
  members: Members;
  greeter: Greeter;
  journal: Journal;
  beacon: Beacon;
  repair: Omit<RepairContext, 'checkMember'>;
  /** The site's folder. */
  root: string;
  group: string;
  /** The models that the agent works with. */
  models: readonly InstalledModel[];
}

/** What members may ask an agent for besides its journal. */
export function siteRoutes(context: RouteContext): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['/v1/hello', (stream, request) => hello(context, stream, request)],
    ['/v1/base', (stream, request) => base(context, stream, request)],
    [PART_PATH, (stream, request) => basePart(context, stream, request)],
    [
      CERTIFICATE_PATH,
      renewalRoute({ ...context, checkMember: (name) => knownMember(context, name) }),
    ],
    [
      INVITED_PATH,
      certificationRoute({
        ...context,
        checkMember: (name) => knownMember(context, name),
        numberOf: (site) => joinNumber(context.dsn, site),
      }),
    ],
    [MODELS_PATH, (stream, request) => models(context, stream, request)],
    ...repairRoutes({
      ...context.repair,
      checkMember: (name) => knownMember(context, name),
    }),
  ]);
}

async function hello(
  context: RouteContext,
  stream: ServerHttp2Stream,
  request: RouteRequest,
): Promise<void> {
  const { greeter } = context;
  await knownMember(context, request.peer);
  const greeting = checkGreeting(await readJson(stream), request.peer);
  await greeter.heard(greeting);
  const answer = await greeter.answer(greeting);
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(JSON.stringify(answer));
}

/** A base copy for a site that was invited. The order matters: see `Greeter.announce`. */
async function base(
  context: RouteContext,
  stream: ServerHttp2Stream,
  request: RouteRequest,
): Promise<void> {
  const { members, greeter, journal, beacon } = context;
  const address = String(request.headers['crp-address']);
  parseAddress('crp-address', address);
  // From here on all is kept for it until it has joined: not for one that cannot join now.
  await greeter.announce((await invited(context, request)).name);
  // What the others answered may have ended its invitation: another site joins with its number.
  const member = await invited(context, request);
  const joining: Member = { ...member, address, state: 'joining' };
  await upsertMember(context.client(), joining, { heard: false });
  await members.refresh();
  await greeter.announce(member.name);
  // Or another site that joins at the same moment has its number.
  await invited(context, request);
  for (const peer of [...members.peers(), ...members.departed.peers()]) {
    // Applies under way were not announced: announce all that they could make visible.
    const { number: origin, incarnation } = peer.member;
    await beacon.announce({
      origin,
      incarnation,
      position: journal.position(origin),
      maxStamp: 0n,
    });
  }
  const { repair } = context;
  const after = journal.position(repair.site.number);
  await serveBase(context.dsn, stream, request.signal, {
    position: (end) => lastPosition({ ...repair, journal }, { after, end }, request.signal),
    end: async (copied) => {
      await greeter.haveTaken(copied, request.signal);
      return Buffer.alloc(0);
    },
  });
}

/**
 * The member that asks for its base copy.
 *
 * @throws AppError INVITATION_VOID when another invitation counts, MEMBER_EXISTS, and those of `knownMember`
 */
async function invited(context: RouteContext, request: RouteRequest): Promise<Member> {
  const member = await knownMember(context, request.peer);
  // It would begin anew under the numbers of its changes.
  if (member.state === 'active') throw memberExists(member);
  // Builds from before do not say it.
  const number = Number(request.headers['crp-number'] ?? member.number);
  if (number === member.number) return member;
  throw new AppError(
    'INVITATION_VOID',
    `The invitation is for site "${member.name}" with number ${number}, and the site has number ${member.number} now`,
    { hint: 'Join with the invitation that was made last' },
  );
}

/** Path of a request for the names, revisions and hashes of the models that an agent works with. */
export const MODELS_PATH = '/v1/models';

async function models(
  context: RouteContext,
  stream: ServerHttp2Stream,
  request: RouteRequest,
): Promise<void> {
  await knownMember(context, request.peer);
  const list = context.models.map(({ ir, hash }) => ({
    name: ir.name,
    revision: ir.revision,
    hash,
  }));
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(JSON.stringify(list));
}

/**
 * A part of the data for a member that gets a model. It is given only by an agent that works with that model:
 * from then on it passes over nothing that the member will ship of it.
 */
async function basePart(
  context: RouteContext,
  stream: ServerHttp2Stream,
  request: RouteRequest,
): Promise<void> {
  await knownMember(context, request.peer);
  const part = checkPart(await readJson(stream));
  const tables = partTables(context.models, part);
  const { journal, repair } = context;
  const end = async (): Promise<Buffer> => {
    // Waits until capture is past what the snapshot shows.
    await readPositions(repair, request.signal);
    const said: BasePartEnd = { journal: journal.position(repair.site.number).toString() };
    return Buffer.from(JSON.stringify(said));
  };
  await serveBase(context.dsn, stream, request.signal, { tables, end });
}

function checkPart(value: unknown): BasePart {
  const part = value as Partial<BasePart> | null;
  const texts = (list: unknown): boolean =>
    Array.isArray(list) && list.every((one) => typeof one === 'string');
  const fine =
    typeof part?.model === 'string' &&
    typeof part.hash === 'string' &&
    Array.isArray(part.parts) &&
    part.parts.every(
      (one) => typeof one?.entity === 'string' && (one.groups === undefined || texts(one.groups)),
    );
  if (fine) return part as BasePart;
  throw new AppError('LINK_PROTOCOL', 'The request is for no part of a model', {
    hint: 'The sites may run different versions of Syncline',
  });
}

/** @throws AppError MEMBER_LEFT, or NOT_INVITED for a site with a certificate of the group that nobody invited here */
export async function knownMember(
  context: Pick<RouteContext, 'client'>,
  name: string,
): Promise<Member> {
  const members = await readMembers(context.client());
  const member = members.find((candidate) => candidate.name === name);
  if (member?.state === 'left') {
    throw new AppError('MEMBER_LEFT', `Site "${name}" has left the group, or was removed`, {
      hint: REMOVED_HINT,
    });
  }
  if (member !== undefined) return member;
  throw new AppError('NOT_INVITED', `Site "${name}" is not a member of the group`, {
    hint: 'Invite it: syncline invite NAME',
  });
}
