/**
 * A Linux guest on `vscsi serve`: boots the lab with QEMU's vhost-user-scsi-pci in front of the served model, writes and
 * reads a disk through the guest's own driver, and compares what sg3-utils read there with what the model answers when
 * it is asked directly. Prints each command with its output; fails if anything disagrees.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openModel } from '../dist/duts/model/port.js';
import { ensureKernel } from '../dist/lab/kernel.js';
import { startLab } from '../dist/lab/lab.js';
import { ensurePrograms } from '../dist/lab/programs.js';
import { DEFAULT_MODEL_CONFIG } from '../dist/model/model-config.js';
import { ask } from '../dist/run/probe.js';
import { openSession } from '../dist/run/session.js';

const VSCSI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const UNIT = { target: 0, unit: 0 };
const SERVE_LIMIT_MS = 10_000;
const MEMORY_MIB = 512;
const MIB = 2 ** 20;
/** Separates the outputs of the commands. */
const MARK = '--vscsi-mark--';

/** Names are given in the order in which units happen to be found, so the disk is looked up by its address. */
const FIND_DISK = `
place=/sys/bus/scsi/devices/*:0:${UNIT.target}:${UNIT.unit}/block
while ! ls $place > /dev/null 2>&1 && [ $((i += 1)) -lt 100 ]; do usleep 50000; done
export DISK=/dev/$(ls $place)
echo "DISK=$DISK"; lsmod | cut -d' ' -f1 | sort | xargs echo modules:; ls -l /dev/sd*; echo ${MARK}`;

/** What the model answers to a command: as many bytes as there are. */
function asked() {
  const { port } = openModel({ transport: 'pci', config: DEFAULT_MODEL_CONFIG, seed: 1, copying: false });
  const profile = { units: [{ ...UNIT, kind: 'disk' }], dmaContained: true, settleMs: 0 };
  const { driver } = openSession(port, profile, 1, () => {});
  return (name, fields, size) => {
    const { dataIn, response } = ask(driver, { ...UNIT, kind: 'disk' }, name, fields, size);
    return Buffer.from(dataIn.subarray(0, size - response.residual));
  };
}

/** The commands, what each is for, and how its output must be. `raw` is compared byte by byte. */
function commands(answer) {
  const { blocks, blockSize } = DEFAULT_MODEL_CONFIG.units[0];
  const size = Number(blocks) * blockSize;
  const pattern = Buffer.alloc(2 * MIB);
  for (let i = 0; i < pattern.length; i += 4) pattern.writeUInt32LE(i ^ 0x5ca1ab1e, i);
  const sum = createHash('sha256').update(pattern).digest('hex');
  return {
    files: [{ kind: 'file', path: '/pattern', content: pattern }],
    list: [
      { shell: 'the guest, with its disks' },
      { shell: 'cat /proc/version' },
      { shell: 'cat /sys/class/scsi_device/*/device/model' },
      { shell: 'cat /sys/block/$(basename $DISK)/size', text: `${size / 512}\n` },
      {
        shell: 'dd if=/pattern of=$DISK bs=64k seek=16 conv=fsync 2>&1 | head -n 2',
        text: '32+0 records in\n32+0 records out\n',
      },
      { shell: 'echo 3 > /proc/sys/vm/drop_caches' },
      { shell: 'dd if=$DISK bs=64k skip=16 count=32 2>/dev/null | sha256sum', text: `${sum}  -\n` },
      { shell: 'sg_inq $DISK' },
      { shell: 'sg_inq --len=36 --raw $DISK', raw: answer('INQUIRY', { allocation_length: 36n }, 36) },
      {
        shell: 'sg_inq --page=0x80 --raw $DISK',
        raw: answer('INQUIRY', { evpd: 1n, page: 0x80n, allocation_length: 252n }, 252),
      },
      {
        shell: 'sg_inq --page=0x83 --raw $DISK',
        raw: answer('INQUIRY', { evpd: 1n, page: 0x83n, allocation_length: 252n }, 252),
      },
      { shell: 'sg_luns $DISK' },
      { shell: 'sg_luns --raw $DISK', raw: answer('REPORT LUNS', { allocation_length: 8192n }, 8192) },
      { shell: 'sg_readcap $DISK' },
      { shell: 'sg_readcap --raw $DISK', raw: answer('READ CAPACITY(10)', {}, 8) },
      {
        shell: 'sg_readcap --16 --raw $DISK',
        raw: answer('READ CAPACITY(16)', { allocation_length: 32n }, 32),
      },
    ],
  };
}

/** `vscsi serve` as a process; resolves when front-ends can connect. */
async function serve(socket) {
  const child = spawn(execPath, [VSCSI, 'serve', '--socket', socket], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (let waited = 0; !existsSync(socket); waited += 50) {
    if (waited > SERVE_LIMIT_MS || child.exitCode !== null) throw new Error('vscsi serve does not listen');
    await delay(50);
  }
  return {
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function runGuest(socket, list, files) {
  const log = (line) => console.error(line);
  const kernel = await ensureKernel({ log });
  const programs = await ensurePrograms('sg3-utils', log);
  const [, ...rest] = list;
  const script = rest.map(
    ({ shell, raw }) => `(${shell})${raw ? ' | hexdump -v -e \'1/1 "%02x"\'' : ''} 2>&1; echo ${MARK}`,
  );
  const lab = await startLab({
    kernel,
    command: ['sh', '-c', [FIND_DISK, ...script].join('\n')],
    files: [...files, ...programs.links],
    shares: [programs.share],
    modules: ['virtio_scsi', 'sd_mod', 'sg', 'crct10dif_generic'],
    memoryMiB: MEMORY_MIB,
    qemuArgs: [
      ...['-object', `memory-backend-memfd,id=memory,size=${MEMORY_MIB}M,share=on`],
      ...['-machine', 'memory-backend=memory'],
      ...['-chardev', `socket,id=scsi,path=${socket}`, '-device', 'vhost-user-scsi-pci,chardev=scsi'],
    ],
  });
  const stop = () => lab.kill();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  let output = '';
  lab.out.setEncoding('latin1').on('data', (text) => {
    output += text;
  });
  lab.err.on('data', (bytes) => process.stderr.write(bytes));
  const { status, log: said } = await lab.ended;
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
  if (status === undefined) throw new Error(`the guest ended early\n${said}`);
  return output.split(`${MARK}\n`);
}

/** Prints a command with its output; whether that is as it must be. */
function judged({ shell, raw, text }, output) {
  console.log(`# ${shell}\n${output}`);
  const expected = raw === undefined ? text : raw.toString('hex');
  if (expected === undefined || output === expected) return true;
  console.log(`DISAGREES: the model says\n${expected}`);
  return false;
}

const folder = mkdtempSync(join(tmpdir(), 'vscsi-guest-'));
try {
  const socket = join(folder, 'scsi.sock');
  const { list, files } = commands(asked());
  const server = await serve(socket);
  try {
    const outputs = await runGuest(socket, list, files);
    const good = list.filter((command, index) => judged(command, outputs[index] ?? '')).length;
    console.log(`${good} of ${list.length} commands agree with the model`);
    process.exitCode = good === list.length ? 0 : 1;
  } finally {
    await server.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
