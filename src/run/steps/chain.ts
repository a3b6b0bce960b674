/** `chain`: any descriptors on any queue. */
import { blockSizeOf } from '../../cases/context.js';
import { evaluateNumber } from '../../cases/evaluate.js';
import { resolveBytes, resolveInteger, resolveSize } from '../../cases/resolve.js';
import type { ChainStep, Content, Descriptor, DescriptorOverrides as Overrides } from '../../cases/types.js';
import { writableLength } from '../../harness/exchange.js';
import { GuardedBuffer } from '../../harness/guarded-buffer.js';
import { encodeRequest } from '../../harness/request.js';
import type { ChainElement, DescriptorOverrides } from '../../harness/ring.js';
import type { CaseRun } from '../case-run.js';
import { requestOf } from './command.js';
import { encodeTmf } from './control-request.js';
import { send } from './send.js';

/** Buffers are gathered while the elements are made of the descriptors. */
interface Made {
  readonly out: GuardedBuffer[];
  readonly in: GuardedBuffer[];
}

function contentBytes(content: Content, run: CaseRun): Uint8Array {
  switch (content.kind) {
    case 'bytes':
      return resolveBytes(content.pattern, run.scope, run.context);
    case 'request':
      return encodeRequest(requestOf(content.request, run).request, run.session.driver.state.sizes);
    case 'tmf':
      return encodeTmf(content.tmf, run);
  }
}

function overridesOf({ len, flags, next, id }: Overrides, run: CaseRun): DescriptorOverrides {
  const { scope, context } = run;
  return {
    ...(len && { len: evaluateNumber(len, scope, context, 0xffffffff) }),
    ...(flags && { flags: evaluateNumber(flags, scope, context, 0xffff) }),
    ...(next && { next: evaluateNumber(next, scope, context, 0xffff) }),
    ...(id && { id: evaluateNumber(id, scope, context, 0xffff) }),
  };
}

function elementOf(descriptor: Descriptor, made: Made, run: CaseRun): ChainElement {
  const { scope, context, session } = run;
  const { dma } = session.port;
  const { poison } = session.driver;
  const overrides = overridesOf(descriptor, run);
  switch (descriptor.kind) {
    case 'out': {
      const bytes = Buffer.concat(descriptor.content.map((content) => contentBytes(content, run)));
      const buffer = new GuardedBuffer(dma, poison, bytes);
      made.out.push(buffer);
      return { iova: buffer.iova, length: buffer.size, writable: false, overrides };
    }
    case 'in': {
      const size = resolveSize(descriptor.size, () => blockSizeOf(undefined, scope, context), scope, context);
      const buffer = new GuardedBuffer(dma, poison, poison.take(size));
      made.in.push(buffer);
      return { iova: buffer.iova, length: buffer.size, writable: true, overrides };
    }
    case 'table':
      return {
        iova: 0n,
        length: 0,
        writable: false,
        overrides,
        table: elementsOf(descriptor.entries, made, run),
      };
    case 'raw':
      return {
        iova: resolveInteger(descriptor.addr, scope, context),
        length: evaluateNumber(descriptor.len, scope, context, 0xffffffff),
        writable: descriptor.writable ? evaluateNumber(descriptor.writable, scope, context, 1) === 1 : false,
        overrides,
      };
  }
}

function elementsOf(descriptors: readonly Descriptor[], made: Made, run: CaseRun): ChainElement[] {
  return descriptors.flatMap((descriptor) => {
    const times = descriptor.repeat ? evaluateNumber(descriptor.repeat, run.scope, run.context, 32768) : 1;
    return Array.from({ length: times }, () => elementOf(descriptor, made, run));
  });
}

export function executeChain(step: ChainStep, run: CaseRun): void {
  send(step, run, () => {
    const made: Made = { out: [], in: [] };
    const elements = elementsOf(step.descriptors, made, run);
    const queue = evaluateNumber(step.queue, run.scope, run.context, 65535);
    const exchange = run.session.driver.stagePlaced(
      queue,
      { ...made, elements, writableLength: writableLength(elements) },
      { tail: step.staged === 'tail' },
    );
    return { kind: 'chain', exchange, staged: true, judged: false };
  });
}
