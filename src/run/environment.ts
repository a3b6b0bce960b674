/** What a device offers, in the words of the case language: facts, roles, layers, capabilities. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvalContext } from '../cases/context.js';
import type { Environment } from '../cases/expand.js';
import type { ScopeValue } from '../cases/types.js';
import { FIXTURES } from './package-info.js';
import { type Binding, bindRoles } from './roles.js';
import type { Session } from './session.js';

function unitFacts({ role, unit }: Binding): [string, ScopeValue][] {
  const name = role.replaceAll('-', '_');
  const facts: Record<string, number> = {
    target: unit.profile.target,
    unit: unit.profile.unit,
    blocks: unit.blocks,
    block_size: unit.blockSize,
    device_type: unit.deviceType,
    pq_pdt: unit.pqPdt,
  };
  return Object.entries(facts).map(([fact, value]) => [`${name}.${fact}`, BigInt(value)]);
}

/** Reads a fixture for `file(name)` in a byte pattern; names never lead out of the folder. */
function readFixture(name: string): Uint8Array {
  if (!/^[\w][\w.-]*$/.test(name))
    throw new RangeError(`fixture name ${JSON.stringify(name)}: letters, digits, - _ . only`);
  return readFileSync(join(FIXTURES, name));
}

/** The context in which expressions of a session's cases are evaluated. */
export function sessionContext({ driver, offered }: Session): EvalContext {
  const bit = (set: bigint, number: number) => ((set >> BigInt(number)) & 1n) === 1n;
  return {
    offered: (number) => bit(offered, number),
    negotiated: (number) => bit(driver.state.negotiated, number),
    readFile: readFixture,
  };
}

/** What cases are expanded over. */
export function environmentOf(session: Session): Environment {
  const { profile, port, driver, units, seed } = session;
  const bindings = bindRoles(units);
  const facts = new Map<string, ScopeValue>(bindings.flatMap(unitFacts));
  const roles = new Set(bindings.map(({ role }) => role));
  facts.set('run.seed', BigInt(seed));
  facts.set('dev.request_queues', BigInt(driver.state.requestQueues));
  facts.set('dev.queues', BigInt(driver.state.requestQueues + 2));
  if (profile.freeTarget !== undefined) {
    roles.add('free-target');
    facts.set('free_target', BigInt(profile.freeTarget));
  }
  if (profile.freeUnit !== undefined) {
    roles.add('free-unit');
    facts.set('free_unit.target', BigInt(profile.freeUnit.target));
    facts.set('free_unit.unit', BigInt(profile.freeUnit.unit));
  }
  const capabilities = new Set<string>(port.controls.offered);
  if (profile.dmaContained) capabilities.add('dma-contained');
  const scratch = new Set(bindings.filter(({ unit }) => unit.scratch).map(({ role }) => role));
  return {
    facts,
    roles,
    features: session.offered,
    layers: new Set(['modern', 'msix', port.attachment.kind]),
    capabilities,
    scratch: (role) => scratch.has(role),
    context: sessionContext(session),
  };
}
