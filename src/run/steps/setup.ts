/** `setup` and `reset`: how the harness takes the device through initialisation. */
import { evaluateNumber } from '../../cases/evaluate.js';
import { resolveInteger } from '../../cases/resolve.js';
import type { Expression, QueueSetup, ResetStep, SetupPlan, SetupStep } from '../../cases/types.js';
import { DriverError, PLATFORM_FEATURES } from '../../harness/driver.js';
import type { QueueChoice, SetupChoices } from '../../harness/setup.js';
import { waitUntil } from '../../harness/wait.js';
import type { CaseRun } from '../case-run.js';

/** A plan of the case language as choices of the harness, with its expressions evaluated. */
export function choicesOf(plan: SetupPlan, run: CaseRun): SetupChoices {
  const { scope, context } = run;
  const number = (expression: Expression, most = 65535) => evaluateNumber(expression, scope, context, most);
  const bits = (list: readonly Expression[]) =>
    list.reduce((set, bit) => set | (1n << resolveInteger(bit, scope, context)), 0n);
  const { features, only, queues, eventBuffers, pageSize, vectors, until } = plan;
  return {
    until,
    ...(features && {
      features: (offered) =>
        (features.only
          ? bits(features.only) | (offered & PLATFORM_FEATURES)
          : (offered & run.session.driver.usualFeatures) | bits(features.add)) & ~bits(features.drop),
    }),
    ...(queues.length > 0 && {
      queues: new Map(
        queues.map(({ queue, size, memory, areas, align }): [number, QueueChoice] => [
          number(queue),
          {
            ...(size && { size: number(size, 32768) }),
            ...(memory && { memory }),
            ...(areas && { areas: areasOf(areas, run) }),
            ...(align && { align: number(align) }),
          },
        ]),
      ),
    }),
    ...(only && { only: only.map((queue) => number(queue)) }),
    ...(eventBuffers && { eventBuffers: number(eventBuffers, 32768) }),
    ...(pageSize && { pageSize: number(pageSize) }),
    ...(vectors === 'intx' && { interrupts: 'line' }),
    ...(vectors !== undefined &&
      vectors !== 'intx' && {
        vectors: new Map(
          vectors.map(({ source, vector }): [number | 'config', number | 'none'] => [
            source === 'config' ? 'config' : number(source),
            vector === 'none' ? 'none' : number(vector),
          ]),
        ),
      }),
  };
}

function areasOf(
  areas: NonNullable<QueueSetup['areas']>,
  { scope, context }: CaseRun,
): NonNullable<QueueChoice['areas']> {
  return Object.fromEntries(
    Object.entries(areas).map(([area, { at, plus }]) => [
      area,
      {
        ...(at !== undefined && { at: typeof at === 'string' ? at : resolveInteger(at, scope, context) }),
        ...(plus && { plus: resolveInteger(plus, scope, context) }),
      },
    ]),
  );
}

export function executeSetup(step: SetupStep, run: CaseRun): void {
  run.session.driver.setup(choicesOf(step, run));
}

export function executeReset(step: ResetStep, run: CaseRun): void {
  const { driver, transport, port } = run.session;
  if (step.target === 'device') {
    driver.reset(step.within);
    return;
  }
  const queue = BigInt(evaluateNumber(step.target, run.scope, run.context, 65535));
  for (const [register, value] of [
    ['queue_select', queue],
    ['queue_reset', 1n],
  ] as const) {
    transport.writeRegister(register, value);
    driver.noteWrite(register, value);
  }
  const done = waitUntil(port, step.within, () => transport.readRegister('queue_reset') === 0n);
  if (!done)
    throw new DriverError(
      `queue_reset of queue ${queue} still reads 1 after ${step.within} ms`,
      `virtio.${transport.kind === 'mmio' ? 'mmio' : 'pci'}.queue-reset-done-zero`,
    );
  driver.noteRead('queue_reset', 0n);
}
