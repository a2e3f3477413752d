import type { ServerHttp2Stream } from 'node:http2';
import { AppError } from '../base/errors.ts';
import type { Route, RouteRequest } from '../link/server.ts';
import type { Entity } from '../model/ir/ir.ts';
import { answer, readRequest } from './answer.ts';
import type { Send } from './answer.ts';
import { Mender } from './mend.ts';
import type { MenderOptions } from './mend.ts';
import { reachPositions, readPositions } from './positions.ts';
import type { PositionSource } from './positions.ts';
import {
  checkMendRequest,
  checkVerifyRequest,
  REPAIR_PATH,
  toWire,
  VERIFY_PATH,
} from './protocol.ts';
import type { VerifyRequest } from './protocol.ts';
import { readBuckets, readKeys, readStates, withSnapshot } from './read-rows.ts';

/** Requests that a site works on at once; each has a session of its own. */
const MAX_REQUESTS = 8;

export interface RepairContext extends MenderOptions, PositionSource {
  site: { name: string; number: number };
  modelHash: string;
  /** @throws AppError for a site that is no member (any more) */
  checkMember: (name: string) => Promise<unknown>;
}

/** What members may ask of a site to compare it with others, and to mend it. */
export function repairRoutes(context: RepairContext): ReadonlyMap<string, Route> {
  const mender = new Mender(context);
  let running = 0;
  const limited =
    (work: (stream: ServerHttp2Stream, request: RouteRequest) => Promise<void>): Route =>
    async (stream, request) => {
      if (running >= MAX_REQUESTS) throw busy();
      running += 1;
      try {
        await context.checkMember(request.peer);
        checkModels(context, request);
        await work(stream, request);
      } finally {
        running -= 1;
      }
    };
  return new Map<string, Route>([
    [
      VERIFY_PATH,
      limited(async (stream, { signal }) => {
        const question = checkVerifyRequest(await readRequest(stream));
        await answer(stream, signal, (send) => verify(context, question, { send, signal }));
      }),
    ],
    [
      REPAIR_PATH,
      limited(async (stream, { signal }) => {
        const { entity, rows } = checkMendRequest(await readRequest(stream));
        const found = entityOf(context, entity);
        await answer(stream, signal, async (send) => send(await mender.mend(found, rows)));
      }),
    ],
  ]);
}

async function verify(
  context: RepairContext,
  question: VerifyRequest,
  { send, signal }: { send: Send; signal: AbortSignal },
): Promise<void> {
  const { op } = question;
  if (op === 'positions') return send(await readPositions(context, signal));
  if (op === 'reach') return send(await reachPositions(context, question.positions, signal));
  const { dsn, models, site } = context;
  const entity = entityOf(context, question.entity);
  await withSnapshot(dsn, models, async (client) => {
    if (op === 'buckets') return send(await readBuckets(client, entity));
    if (op === 'states') {
      const { keys, values } = question;
      const states = await readStates(client, entity, { site: site.number, keys, values });
      for (const state of states) await send(toWire(state));
      return;
    }
    for await (const rows of readKeys(client, entity, question.buckets)) await send(rows);
  });
}

function entityOf({ models }: RepairContext, name: string): Entity {
  const entity = models.flatMap((model) => model.entities).find((one) => one.name === name);
  if (entity !== undefined) return entity;
  throw new AppError('ENTITY_UNKNOWN', `There is no entity "${name}"`, {
    hint: 'syncline digest lists the entities',
  });
}

function checkModels({ modelHash }: RepairContext, { headers }: RouteRequest): void {
  if (headers['crp-models'] === modelHash) return;
  throw new AppError('MODEL_MISMATCH', `this site has the models ${modelHash}`, {
    hint: 'Install the same models at both sites; only then can they be compared',
  });
}

function busy(): AppError {
  return new AppError('VERIFY_BUSY', 'The site is being compared already', {
    hint: 'Wait until the other syncline verify has ended',
    retry: 'later',
  });
}
