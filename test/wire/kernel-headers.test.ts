/**
 * Golden test from outside: the C compiler lays out the kernel's own structures, and ours must agree. Model and
 * harness share `wire`, so a wrong table would pass on both sides; here it cannot.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Field } from '../../src/wire/layout.js';
import {
  EventFlags,
  EventMask,
  PackedDescFlag,
  pvirtqDesc,
  pvirtqEventSuppress,
} from '../../src/wire/packed-ring.js';
import {
  MsixControl,
  msixCapability,
  msixEntry,
  PciBar,
  PciCapability,
  PciCommand,
  PciStatus,
  pciHeader,
} from '../../src/wire/pci.js';
import { commandByName } from '../../src/wire/scsi/commands.js';
import { SenseKey } from '../../src/wire/scsi/sense.js';
import {
  AvailFlag,
  availRing,
  DescFlag,
  legacyRingLayout,
  SplitAlign,
  UsedFlag,
  usedRing,
  vringDesc,
  vringUsedElem,
} from '../../src/wire/split-ring.js';
import * as vfio from '../../src/wire/vfio.js';
import { DeviceStatus, Feature, VIRTIO_ID_SCSI } from '../../src/wire/virtio.js';
import {
  MMIO_CONFIG_OFFSET,
  MmioInterrupt,
  type MmioRegister,
  mmioLegacyRegisters,
  mmioRegisters,
} from '../../src/wire/virtio-mmio.js';
import {
  VIRTIO_MSI_NO_VECTOR,
  VirtioIsr,
  VirtioPciCapType,
  virtioPciCap,
  virtioPciCommonCfg,
  virtioPciNotifyCap,
} from '../../src/wire/virtio-pci.js';
import {
  LEGACY_PAGE_SIZE,
  legacyConfigOffset,
  legacyHeader,
  legacyMsixHeader,
} from '../../src/wire/virtio-pci-legacy.js';
import * as scsi from '../../src/wire/virtio-scsi.js';

/** Our number, and the C expression that must have the same value. */
type Row = readonly [name: string, ours: number, c: string];

interface AnyLayout {
  readonly name: string;
  readonly size: number;
  readonly fields: Readonly<Record<string, Field>>;
}

/** Offset and size of each field and the size of the whole; `names` translates ours to C's. */
function layoutRows(layout: unknown, c: string, names: Record<string, string> = {}, skipSize = false): Row[] {
  const { name, size, fields } = layout as AnyLayout;
  const rows: Row[] = skipSize ? [] : [[`sizeof ${name}`, size, `sizeof(struct ${c})`]];
  for (const field of Object.values(fields)) {
    const member = names[field.name] ?? field.name;
    rows.push([`${name}.${field.name} offset`, field.offset, `offsetof(struct ${c}, ${member})`]);
    if (!(field.name in names && member.endsWith('_lo')))
      rows.push([`${name}.${field.name} size`, field.size, `sizeof(((struct ${c} *)0)->${member})`]);
  }
  return rows;
}

const constants = (prefix: string, table: Readonly<Record<string, number>>): Row[] =>
  Object.entries(table).map(([name, value]) => [`${prefix}${name}`, value, `${prefix}${name}`]);

const head = <T extends string>(
  fields: Readonly<Record<T, Field>>,
  names: readonly T[],
  c: string,
  member: Partial<Record<T, string>> = {},
): Row[] =>
  names.flatMap((name): Row[] => [
    [`${name} offset`, fields[name].offset, `offsetof(struct ${c}, ${member[name] ?? name})`],
    [`${name} size`, fields[name].size, `sizeof(((struct ${c} *)0)->${member[name] ?? name})`],
  ]);

// Fields that the header of Debian 12 (Linux 6.1) does not have yet, with where the standard puts them.
const { queue_notif_config_data, queue_reset, admin_queue_index, admin_queue_num, ...commonFields } =
  virtioPciCommonCfg.fields;
// Named by the standard, not by the uapi headers of Linux 6.1.
const NOT_IN_HEADERS = new Set([
  'VIRTIO_F_NOTIFICATION_DATA',
  'VIRTIO_F_NOTIF_CONFIG_DATA',
  'VIRTIO_F_ADMIN_VQ',
  'VIRTIO_F_SUSPEND',
  'VIRTIO_F_INDIRECT_DESC',
  'VIRTIO_F_EVENT_IDX',
]);

/** Registers whose names in the header do not follow from ours as `QUEUE_READY` does from `QueueReady`. */
const MMIO_NAMES: Readonly<Record<string, string>> = {
  InterruptACK: 'INTERRUPT_ACK',
  QueueSizeMax: 'QUEUE_NUM_MAX',
  QueueSize: 'QUEUE_NUM',
  QueueDriverLow: 'QUEUE_AVAIL_LOW',
  QueueDriverHigh: 'QUEUE_AVAIL_HIGH',
  QueueDeviceLow: 'QUEUE_USED_LOW',
  QueueDeviceHigh: 'QUEUE_USED_HIGH',
};
const mmioRows = (table: Readonly<Record<string, MmioRegister>>): Row[] =>
  Object.entries(table)
    // Younger than the header of Linux 6.1.
    .filter(([name]) => name !== 'QueueReset')
    .map(([name, { offset }]) => [
      name,
      offset,
      `VIRTIO_MMIO_${MMIO_NAMES[name] ?? name.replace(/(?<=[a-z])(?=[A-Z])|(?<=SHM)/g, '_').toUpperCase()}`,
    ]);

/** Fields of a layout that the header has as plain offsets. */
const offsets = (fields: Readonly<Record<string, Field>>, names: Readonly<Record<string, string>>): Row[] =>
  Object.entries(names).map(([field, c]) => [field, fields[field]?.offset ?? -1, c]);

const groups: Record<string, readonly Row[]> = {
  'struct virtio_scsi_config': layoutRows(scsi.virtioScsiConfig, 'virtio_scsi_config'),
  'struct virtio_scsi_cmd_req': [
    ...head(scsi.virtioScsiReqHead.fields, ['lun', 'id', 'task_attr', 'prio', 'crn'], 'virtio_scsi_cmd_req', {
      id: 'tag',
    }),
    ['head size', scsi.virtioScsiReqHead.size, 'offsetof(struct virtio_scsi_cmd_req, cdb)'],
    ['header size', scsi.requestHeaderSize(scsi.DEFAULT_CDB_SIZE), 'sizeof(struct virtio_scsi_cmd_req)'],
  ],
  // The layout that ruling A1 calls common practice.
  'struct virtio_scsi_cmd_req_pi': [
    [
      'offset of pi_bytesout',
      scsi.piOffset(32, 'linux'),
      'offsetof(struct virtio_scsi_cmd_req_pi, pi_bytesout)',
    ],
    [
      'offset of pi_bytesin',
      scsi.piOffset(32, 'linux') + scsi.virtioScsiReqPi.fields.pi_bytesin.offset,
      'offsetof(struct virtio_scsi_cmd_req_pi, pi_bytesin)',
    ],
    ['offset of cdb', scsi.cdbOffset('linux'), 'offsetof(struct virtio_scsi_cmd_req_pi, cdb)'],
    ['header size', scsi.requestHeaderSize(32, 'linux'), 'sizeof(struct virtio_scsi_cmd_req_pi)'],
  ],
  'struct virtio_scsi_cmd_resp': [
    ...head(
      scsi.virtioScsiRespHead.fields,
      ['sense_len', 'residual', 'status_qualifier', 'status', 'response'],
      'virtio_scsi_cmd_resp',
      { residual: 'resid' },
    ),
    ['head size', scsi.virtioScsiRespHead.size, 'offsetof(struct virtio_scsi_cmd_resp, sense)'],
    ['header size', scsi.responseHeaderSize(scsi.DEFAULT_SENSE_SIZE), 'sizeof(struct virtio_scsi_cmd_resp)'],
  ],
  'control and event structures': [
    ...layoutRows(scsi.virtioScsiCtrlTmf, 'virtio_scsi_ctrl_tmf_req', { id: 'tag' }),
    ...layoutRows(scsi.virtioScsiCtrlTmfResp, 'virtio_scsi_ctrl_tmf_resp'),
    ...layoutRows(scsi.virtioScsiCtrlAn, 'virtio_scsi_ctrl_an_req'),
    ...layoutRows(scsi.virtioScsiCtrlAnResp, 'virtio_scsi_ctrl_an_resp'),
    ...layoutRows(scsi.virtioScsiEvent, 'virtio_scsi_event'),
  ],
  'virtio-scsi constants': [
    ...Object.entries(scsi.Response).map(([name, value]): Row => [name, value, `VIRTIO_SCSI_S_${name}`]),
    ...Object.entries(scsi.ControlResponse).map(
      ([name, value]): Row => [name, value, `VIRTIO_SCSI_S_${name === 'FUNCTION_COMPLETE' ? 'OK' : name}`],
    ),
    ...Object.entries(scsi.TaskAttr).map(([name, value]): Row => [name, value, `VIRTIO_SCSI_S_${name}`]),
    ...Object.entries(scsi.ControlType).map(([name, value]): Row => [name, value, `VIRTIO_SCSI_T_${name}`]),
    ...Object.entries(scsi.Tmf).map(([name, value]): Row => [name, value, `VIRTIO_SCSI_T_TMF_${name}`]),
    ...Object.entries(scsi.ScsiEvent).map(([name, value]): Row => [name, value, `VIRTIO_SCSI_T_${name}`]),
    ...Object.entries(scsi.ResetReason).map(([name, value]): Row => [name, value, `VIRTIO_SCSI_EVT_${name}`]),
    ['VIRTIO_ID_SCSI', VIRTIO_ID_SCSI, 'VIRTIO_ID_SCSI'],
  ],
  'feature bits and status': [
    ...constants(
      '',
      Object.fromEntries(Object.entries(Feature).filter(([name]) => !NOT_IN_HEADERS.has(name))),
    ),
    ['VIRTIO_F_INDIRECT_DESC', Feature.VIRTIO_F_INDIRECT_DESC, 'VIRTIO_RING_F_INDIRECT_DESC'],
    ['VIRTIO_F_EVENT_IDX', Feature.VIRTIO_F_EVENT_IDX, 'VIRTIO_RING_F_EVENT_IDX'],
    ['ACKNOWLEDGE', DeviceStatus.ACKNOWLEDGE, 'VIRTIO_CONFIG_S_ACKNOWLEDGE'],
    ['DRIVER', DeviceStatus.DRIVER, 'VIRTIO_CONFIG_S_DRIVER'],
    ['DRIVER_OK', DeviceStatus.DRIVER_OK, 'VIRTIO_CONFIG_S_DRIVER_OK'],
    ['FEATURES_OK', DeviceStatus.FEATURES_OK, 'VIRTIO_CONFIG_S_FEATURES_OK'],
    ['DEVICE_NEEDS_RESET', DeviceStatus.DEVICE_NEEDS_RESET, 'VIRTIO_CONFIG_S_NEEDS_RESET'],
    ['FAILED', DeviceStatus.FAILED, 'VIRTIO_CONFIG_S_FAILED'],
  ],
  'split ring': [
    ...layoutRows(vringDesc, 'vring_desc'),
    ...layoutRows(vringUsedElem, 'vring_used_elem'),
    ['NEXT', DescFlag.NEXT, 'VRING_DESC_F_NEXT'],
    ['WRITE', DescFlag.WRITE, 'VRING_DESC_F_WRITE'],
    ['INDIRECT', DescFlag.INDIRECT, 'VRING_DESC_F_INDIRECT'],
    ['NO_INTERRUPT', AvailFlag.NO_INTERRUPT, 'VRING_AVAIL_F_NO_INTERRUPT'],
    ['NO_NOTIFY', UsedFlag.NO_NOTIFY, 'VRING_USED_F_NO_NOTIFY'],
    ['desc alignment', SplitAlign.desc, 'VRING_DESC_ALIGN_SIZE'],
    ['avail alignment', SplitAlign.avail, 'VRING_AVAIL_ALIGN_SIZE'],
    ['used alignment', SplitAlign.used, 'VRING_USED_ALIGN_SIZE'],
    ['avail flags', availRing.flags, 'offsetof(struct vring_avail, flags)'],
    ['avail idx', availRing.idx, 'offsetof(struct vring_avail, idx)'],
    ['avail ring[3]', availRing.entry(3), 'offsetof(struct vring_avail, ring[3])'],
    ['used flags', usedRing.flags, 'offsetof(struct vring_used, flags)'],
    ['used idx', usedRing.idx, 'offsetof(struct vring_used, idx)'],
    ['used ring[3]', usedRing.entry(3), 'offsetof(struct vring_used, ring[3])'],
    ['used_event of 8', availRing.usedEvent(8), '(char *)&vring_used_event(&ring8) - (char *)ring8.avail'],
    ['avail_event of 8', usedRing.availEvent(8), '(char *)&vring_avail_event(&ring8) - (char *)ring8.used'],
  ],
  'packed ring': [
    ...layoutRows(pvirtqDesc, 'vring_packed_desc'),
    ...layoutRows(pvirtqEventSuppress, 'vring_packed_desc_event'),
    ['AVAIL', PackedDescFlag.AVAIL, '1 << VRING_PACKED_DESC_F_AVAIL'],
    ['USED', PackedDescFlag.USED, '1 << VRING_PACKED_DESC_F_USED'],
    ['ENABLE', EventFlags.ENABLE, 'VRING_PACKED_EVENT_FLAG_ENABLE'],
    ['DISABLE', EventFlags.DISABLE, 'VRING_PACKED_EVENT_FLAG_DISABLE'],
    ['DESC', EventFlags.DESC, 'VRING_PACKED_EVENT_FLAG_DESC'],
    ['wrap bit', EventMask.wrap, '1 << VRING_PACKED_EVENT_F_WRAP_CTR'],
  ],
  // What vfio-user takes over of them.
  VFIO: [
    ...head(vfio.vfioDeviceInfo.fields, ['argsz', 'flags', 'num_regions', 'num_irqs'], 'vfio_device_info'),
    ...layoutRows(vfio.vfioRegionInfo, 'vfio_region_info'),
    ...layoutRows(vfio.vfioIrqInfo, 'vfio_irq_info'),
    ...layoutRows(vfio.vfioIrqSet, 'vfio_irq_set'),
    ...constants('VFIO_DEVICE_FLAGS_', vfio.VfioDeviceFlag),
    ...constants('VFIO_REGION_INFO_FLAG_', vfio.VfioRegionFlag),
    ...constants('VFIO_IRQ_INFO_', vfio.VfioIrqFlag),
    ...constants('VFIO_IRQ_SET_', vfio.VfioIrqSetFlag),
    ...constants('VFIO_DMA_MAP_FLAG_', vfio.VfioDmaFlag),
    ['BARS', vfio.VfioPciRegion.BARS, 'VFIO_PCI_BAR5_REGION_INDEX + 1'],
    ['CONFIG', vfio.VfioPciRegion.CONFIG, 'VFIO_PCI_CONFIG_REGION_INDEX'],
    ...Object.entries(vfio.VfioPciIrq).map(
      ([name, value]): Row => [name, value, `VFIO_PCI_${name}_IRQ_INDEX`],
    ),
  ],
  'virtio PCI': [
    ...layoutRows(virtioPciCap, 'virtio_pci_cap'),
    [
      'notify multiplier',
      virtioPciNotifyCap.fields.notify_off_multiplier.offset,
      'offsetof(struct virtio_pci_notify_cap, notify_off_multiplier)',
    ],
    ['sizeof notify cap', virtioPciNotifyCap.size, 'sizeof(struct virtio_pci_notify_cap)'],
    ...layoutRows(
      { name: 'common cfg', size: 0, fields: commonFields },
      'virtio_pci_common_cfg',
      {
        driver_feature_select: 'guest_feature_select',
        driver_feature: 'guest_feature',
        config_msix_vector: 'msix_config',
        queue_desc: 'queue_desc_lo',
        queue_driver: 'queue_avail_lo',
        queue_device: 'queue_used_lo',
      },
      true,
    ),
    ['queue_notif_config_data', queue_notif_config_data.offset, 'sizeof(struct virtio_pci_common_cfg)'],
    ['queue_reset', queue_reset.offset, 'sizeof(struct virtio_pci_common_cfg) + 2'],
    ['admin_queue_index', admin_queue_index.offset, 'sizeof(struct virtio_pci_common_cfg) + 4'],
    ['admin_queue_num', admin_queue_num.offset, 'sizeof(struct virtio_pci_common_cfg) + 6'],
    ...Object.entries(VirtioPciCapType)
      .filter(([name]) => name.endsWith('_CFG') && name !== 'SHARED_MEMORY_CFG' && name !== 'VENDOR_CFG')
      .map(([name, value]): Row => [name, value, `VIRTIO_PCI_CAP_${name}`]),
    ['SHARED_MEMORY_CFG', VirtioPciCapType.SHARED_MEMORY_CFG, 'VIRTIO_PCI_CAP_SHARED_MEMORY_CFG'],
    ['ISR config', VirtioIsr.CONFIG, 'VIRTIO_PCI_ISR_CONFIG'],
    ['NO_VECTOR', VIRTIO_MSI_NO_VECTOR, 'VIRTIO_MSI_NO_VECTOR'],
  ],
  'virtio PCI, legacy interface': [
    ...offsets(legacyHeader.fields, {
      device_features: 'VIRTIO_PCI_HOST_FEATURES',
      driver_features: 'VIRTIO_PCI_GUEST_FEATURES',
      queue_address: 'VIRTIO_PCI_QUEUE_PFN',
      queue_size: 'VIRTIO_PCI_QUEUE_NUM',
      queue_select: 'VIRTIO_PCI_QUEUE_SEL',
      queue_notify: 'VIRTIO_PCI_QUEUE_NOTIFY',
      device_status: 'VIRTIO_PCI_STATUS',
      isr_status: 'VIRTIO_PCI_ISR',
    }),
    ...offsets(legacyMsixHeader.fields, {
      config_msix_vector: 'VIRTIO_MSI_CONFIG_VECTOR - VIRTIO_PCI_CONFIG_OFF(0)',
      queue_msix_vector: 'VIRTIO_MSI_QUEUE_VECTOR - VIRTIO_PCI_CONFIG_OFF(0)',
    }),
    ['configuration without MSI-X', legacyConfigOffset(false), 'VIRTIO_PCI_CONFIG_OFF(0)'],
    ['configuration with MSI-X', legacyConfigOffset(true), 'VIRTIO_PCI_CONFIG_OFF(1)'],
    ['page', LEGACY_PAGE_SIZE, '1 << VIRTIO_PCI_QUEUE_ADDR_SHIFT'],
    ['ring alignment', LEGACY_PAGE_SIZE, 'VIRTIO_PCI_VRING_ALIGN'],
    ...[1, 8, 256, 1024].flatMap((size): Row[] => {
      const layout = legacyRingLayout(size, LEGACY_PAGE_SIZE);
      const ring = `legacy_ring(${size}, VIRTIO_PCI_VRING_ALIGN)`;
      return [
        [`available ring of ${size}`, layout.avail, `(char *)${ring}.avail - memory`],
        [`used ring of ${size}`, layout.used, `(char *)${ring}.used - memory`],
      ];
    }),
  ],
  'virtio MMIO': [
    ...mmioRows(mmioRegisters),
    ...mmioRows(mmioLegacyRegisters),
    ['Config', MMIO_CONFIG_OFFSET, 'VIRTIO_MMIO_CONFIG'],
    ['used buffer interrupt', MmioInterrupt.USED_BUFFER, 'VIRTIO_MMIO_INT_VRING'],
    ['configuration interrupt', MmioInterrupt.CONFIGURATION, 'VIRTIO_MMIO_INT_CONFIG'],
  ],
  PCI: [
    ['I/O BAR', PciBar.IO, 'PCI_BASE_ADDRESS_SPACE_IO'],
    ['64-bit BAR', PciBar.MEMORY_64, 'PCI_BASE_ADDRESS_MEM_TYPE_64'],
    ['vendor', pciHeader.fields.vendor_id.offset, 'PCI_VENDOR_ID'],
    ['device', pciHeader.fields.device_id.offset, 'PCI_DEVICE_ID'],
    ['command', pciHeader.fields.command.offset, 'PCI_COMMAND'],
    ['status', pciHeader.fields.status.offset, 'PCI_STATUS'],
    ['revision', pciHeader.fields.revision_id.offset, 'PCI_REVISION_ID'],
    ['bar0', pciHeader.fields.bar0.offset, 'PCI_BASE_ADDRESS_0'],
    ['bar5', pciHeader.fields.bar5.offset, 'PCI_BASE_ADDRESS_5'],
    ['subsystem vendor', pciHeader.fields.subsystem_vendor_id.offset, 'PCI_SUBSYSTEM_VENDOR_ID'],
    ['subsystem', pciHeader.fields.subsystem_id.offset, 'PCI_SUBSYSTEM_ID'],
    ['capabilities', pciHeader.fields.capabilities.offset, 'PCI_CAPABILITY_LIST'],
    ['interrupt pin', pciHeader.fields.interrupt_pin.offset, 'PCI_INTERRUPT_PIN'],
    ['header size', pciHeader.size, 'PCI_STD_HEADER_SIZEOF'],
    ['MEMORY', PciCommand.MEMORY, 'PCI_COMMAND_MEMORY'],
    ['MASTER', PciCommand.MASTER, 'PCI_COMMAND_MASTER'],
    ['IO', PciCommand.IO, 'PCI_COMMAND_IO'],
    ['INTX_DISABLE', PciCommand.INTX_DISABLE, 'PCI_COMMAND_INTX_DISABLE'],
    ['CAP_LIST', PciStatus.CAP_LIST, 'PCI_STATUS_CAP_LIST'],
    ['INTERRUPT', PciStatus.INTERRUPT, 'PCI_STATUS_INTERRUPT'],
    ['vendor capability', PciCapability.VENDOR, 'PCI_CAP_ID_VNDR'],
    ['MSI-X capability', PciCapability.MSIX, 'PCI_CAP_ID_MSIX'],
    ['PM capability', PciCapability.POWER_MANAGEMENT, 'PCI_CAP_ID_PM'],
    ['express capability', PciCapability.EXPRESS, 'PCI_CAP_ID_EXP'],
    ['MSI-X control', msixCapability.fields.message_control.offset, 'PCI_MSIX_FLAGS'],
    ['MSI-X table', msixCapability.fields.table.offset, 'PCI_MSIX_TABLE'],
    ['MSI-X PBA', msixCapability.fields.pba.offset, 'PCI_MSIX_PBA'],
    ['MSI-X size', msixCapability.size, 'PCI_CAP_MSIX_SIZEOF'],
    ['MSI-X table size', MsixControl.TABLE_SIZE, 'PCI_MSIX_FLAGS_QSIZE'],
    ['MSI-X mask all', MsixControl.FUNCTION_MASK, 'PCI_MSIX_FLAGS_MASKALL'],
    ['MSI-X enable', MsixControl.ENABLE, 'PCI_MSIX_FLAGS_ENABLE'],
    ['entry size', msixEntry.size, 'PCI_MSIX_ENTRY_SIZE'],
    ['entry data', msixEntry.fields.data.offset, 'PCI_MSIX_ENTRY_DATA'],
    ['entry control', msixEntry.fields.control.offset, 'PCI_MSIX_ENTRY_VECTOR_CTRL'],
  ],
  'SCSI opcodes and sense keys': [
    ...(
      [
        ['TEST UNIT READY', 'TEST_UNIT_READY'],
        ['REQUEST SENSE', 'REQUEST_SENSE'],
        ['FORMAT UNIT', 'FORMAT_UNIT'],
        ['READ(6)', 'READ_6'],
        ['WRITE(6)', 'WRITE_6'],
        ['INQUIRY', 'INQUIRY'],
        ['MODE SELECT(6)', 'MODE_SELECT'],
        ['MODE SENSE(6)', 'MODE_SENSE'],
        ['START STOP UNIT', 'START_STOP'],
        ['READ CAPACITY(10)', 'READ_CAPACITY'],
        ['READ(10)', 'READ_10'],
        ['WRITE(10)', 'WRITE_10'],
        ['VERIFY(10)', 'VERIFY'],
        ['SYNCHRONIZE CACHE(10)', 'SYNCHRONIZE_CACHE'],
        ['WRITE SAME(10)', 'WRITE_SAME'],
        ['MODE SELECT(10)', 'MODE_SELECT_10'],
        ['MODE SENSE(10)', 'MODE_SENSE_10'],
        ['READ(12)', 'READ_12'],
        ['WRITE(12)', 'WRITE_12'],
      ] as const
    ).map(([name, c]): Row => [name, commandByName(name)?.opcode ?? -1, c]),
    ['NOT READY', SenseKey['NOT READY'], 'NOT_READY'],
    ['MEDIUM ERROR', SenseKey['MEDIUM ERROR'], 'MEDIUM_ERROR'],
    ['ILLEGAL REQUEST', SenseKey['ILLEGAL REQUEST'], 'ILLEGAL_REQUEST'],
    ['UNIT ATTENTION', SenseKey['UNIT ATTENTION'], 'UNIT_ATTENTION'],
    ['DATA PROTECT', SenseKey['DATA PROTECT'], 'DATA_PROTECT'],
    ['MISCOMPARE', SenseKey.MISCOMPARE, 'MISCOMPARE'],
  ],
};

let fromC: readonly number[] = [];

beforeAll(() => {
  const rows = Object.values(groups).flat();
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-headers-'));
  try {
    const program = join(folder, 'offsets');
    writeFileSync(
      `${program}.c`,
      `#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_scsi.h>
#include <linux/pci_regs.h>
#include <scsi/scsi.h>
static char memory[4096] __attribute__((aligned(4096)));
static struct vring legacy_ring(unsigned size, unsigned align) {
  struct vring ring;
  vring_init(&ring, size, memory, align);
  return ring;
}
int main(void) {
  struct vring ring8;
  vring_init(&ring8, 8, memory, 64);
${rows.map(([, , c]) => `  printf("%lld\\n", (long long)(${c}));`).join('\n')}
  return 0;
}
`,
    );
    execFileSync('cc', ['-o', program, `${program}.c`], { stdio: ['ignore', 'pipe', 'pipe'] });
    fromC = execFileSync(program, { encoding: 'utf8' }).trim().split('\n').map(Number);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

let next = 0;
for (const [group, rows] of Object.entries(groups)) {
  describe(group, () => {
    for (const [name, ours, c] of rows) {
      const index = next++;
      test(`${name} is ${c}`, () => {
        expect(ours).toBe(fromC[index]);
      });
    }
  });
}
