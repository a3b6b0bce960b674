/** From case files to the cases that are to run on a device. */
import { type Environment, type ExpansionProblem, excludedByMode, expandCase } from '../cases/expand.js';
import type { CaseFile, ExpandedCase, Skip } from '../cases/types.js';
import { featuresOfMode } from '../harness/ring-mode.js';
import type { TransportName } from '../port/transport-name.js';
import { featureNames } from '../wire/virtio.js';
import { environmentOf } from './environment.js';
import { type HeldBack, holdsBack } from './known.js';
import { missingLayer } from './missing-layers.js';
import { isOffered, type Mode, type ModeChoice, modeName, modesOf } from './modes.js';
import type { Session } from './session.js';
import { usesQueues } from './uses-queues.js';

/** A case of a device, in one of the modes of the run. */
export interface RunnableCase extends ExpandedCase {
  readonly mode: Mode;
}

/** In which modes cases are to run, and what for. */
export interface ExpansionOptions {
  /** `default` if left out. */
  readonly modes?: ModeChoice;
  /** The transports by which the device can be reached, over which modes are chosen; just the session's if left out. */
  readonly transports?: readonly TransportName[];
  /** Cases that the device is known not to survive. */
  readonly heldBack?: readonly HeldBack[];
  /** Tags of cases that need the user's word, `destructive` and `host-risk`, as far as it was given. */
  readonly consents?: ReadonlySet<string>;
}

/** Every case of the files that is to run by the transport of the session, in the order of the files, mode after mode. */
export function expandAll(
  files: readonly CaseFile[],
  session: Session,
  {
    modes = 'default',
    transports = [session.port.transport],
    heldBack = [],
    consents = new Set(),
  }: ExpansionOptions = {},
): { readonly cases: readonly RunnableCase[]; readonly problems: readonly ExpansionProblem[] } {
  const environment = environmentOf(session);
  const cases: RunnableCase[] = [];
  const problems: ExpansionProblem[] = [];
  for (const definition of files.flatMap((file) => file.cases)) {
    const [home, ...others] = modesOf(definition, modes, transports);
    // What the device does not offer is told once, by the case in its home.
    const here = [
      ...(home === undefined ? [] : [home]),
      ...others.filter((mode) => isOffered(mode, session.offered)),
    ].filter(({ transport }) => transport === session.port.transport);
    if (here.length === 0) continue;
    const expansion = expandCase(definition, environment);
    problems.push(...expansion.problems);
    const count = expansion.cases.length;
    const wanted = expansion.cases.map((expanded, index) => {
      if (modes === 'default') return here;
      const traits = { index, count, usesQueues: usesQueues(expanded) };
      return modesOf(definition, modes, transports, traits);
    });
    for (const mode of here)
      for (const [index, expanded] of expansion.cases.entries()) {
        if (!wanted[index]?.includes(mode)) continue;
        const skip =
          expanded.skip ??
          excludedByMode(expanded.modes, mode) ??
          modeNotOffered(mode, session.offered) ??
          missingLayer(expanded, session.transport) ??
          notConsented(expanded, environment, consents) ??
          knownFatal(expanded, mode, heldBack);
        cases.push({ ...expanded, mode, ...(skip && { skip, steps: [] }) });
      }
  }
  return { cases, problems };
}

function knownFatal({ id }: ExpandedCase, mode: Mode, heldBack: readonly HeldBack[]): Skip | undefined {
  const entry = holdsBack(heldBack, id, modeName(mode));
  return entry && { kind: 'known-fatal', evidence: `${entry.reason} (--fatal runs it)` };
}

function modeNotOffered(mode: Mode, features: bigint): Skip | undefined {
  const missing = featureNames(featuresOfMode(mode) & ~features);
  return missing.length === 0
    ? undefined
    : { kind: 'not-offered', evidence: `${missing.join(', ')} is not offered` };
}

/**
 * Nothing is written to a unit that was not lent for it, nothing dangerous is done unasked, and no rule of drivers is
 * broken where a device that goes astray for it could reach memory of others.
 */
function notConsented(
  { writes, tags, hostile }: ExpandedCase,
  { scratch, capabilities }: Environment,
  consents: ReadonlySet<string>,
): Skip | undefined {
  const kept = writes.find((role) => scratch?.(role) !== true);
  if (kept !== undefined) return { kind: 'not-consented', evidence: `${kept} is not lent for writing` };
  if (hostile && !capabilities.has('dma-contained'))
    return {
      kind: 'not-consented',
      evidence: "the case is hostile, and nothing keeps the device from memory that is not the suite's",
    };
  const tag = tags.find((each) => each !== 'slow' && !consents.has(each));
  return tag && { kind: 'not-consented', evidence: `the case is ${tag}, and that was not allowed` };
}
