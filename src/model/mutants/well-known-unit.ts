/** Control requests for the REPORT LUNS well-known unit gone wrong. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { ControlResponse, ControlType, Tmf } from '../../wire/virtio-scsi.js';
import type { ControlRequest } from '../scsi/control-answer.js';
import type { Destination } from '../scsi/topology.js';
import { ReportLunsUnit } from '../units/report-luns-unit.js';
import { Sense } from '../units/sense.js';
import type { Mutant } from './mutant.js';

const isWellKnown = ({ unit }: Destination): boolean => unit instanceof ReportLunsUnit;
const addressesIt = ({ lun }: ControlRequest): boolean => lun[0] === 0xc1;
const INVALID_CODE = 0x55;

export const WELL_KNOWN_UNIT_MUTANTS: readonly Mutant[] = [
  {
    id: 'well-known.functions-find-others',
    sentence: 'A function for the well-known unit takes the commands of all units for those of that unit.',
    requirement: 'scsi.tmf.lun-format',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.selected = (selected, _task, { destination }) => selected || isWellKnown(destination);
    },
  },
  {
    id: 'well-known.functions-refused',
    sentence: 'The well-known unit serves commands, and functions for it do not find it.',
    requirement: 'scsi.tmf.lun-format',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.manage = (run, { destination }) =>
        isWellKnown(destination) ? ControlResponse.BAD_TARGET : run();
    },
  },
  {
    id: 'well-known.code-undefined',
    sentence: 'Control requests for the well-known unit are answered by a code that does not exist.',
    requirement: 'scsi.tmf.response-codes',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.controlAnswer = (answer, { request }) =>
        request && addressesIt(request) ? { ...answer, response: INVALID_CODE } : answer;
    },
  },
  {
    id: 'well-known.reset-spreads',
    sentence: 'After LOGICAL UNIT RESET of the well-known unit the unit that is asked next reports a reset.',
    requirement: 'scsi.tmf.lun-format',
    source: 'generic',
    apply: (behaviours) => {
      let spread = false;
      behaviours.manage = (run, { subtype, destination }) => {
        spread = subtype === Tmf.LOGICAL_UNIT_RESET && isWellKnown(destination);
        return run();
      };
      behaviours.perform = ({ command, destination }, run) => {
        if (!spread || command.name !== 'TEST UNIT READY' || isWellKnown(destination)) return run();
        spread = false;
        return { status: ScsiStatus['CHECK CONDITION'], sense: Sense.BUS_DEVICE_RESET };
      };
    },
  },
  {
    id: 'well-known.reset-silent',
    sentence: 'LOGICAL UNIT RESET of the well-known unit is no unit attention of it.',
    requirement: 'scsi.tmf.lun-reset-unit-attention',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.perform = ({ destination }, run) => {
        const result = run();
        return isWellKnown(destination) && result.sense?.asc === Sense.BUS_DEVICE_RESET.asc
          ? { status: ScsiStatus.GOOD }
          : result;
      };
    },
  },
  {
    id: 'well-known.list-length-whole',
    sentence: 'The list of the well-known unit counts its header, too, and half an entry more.',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.result = (result, { command, unit }) => {
        if (command.name !== 'REPORT LUNS' || !(unit instanceof ReportLunsUnit) || !result.data)
          return result;
        const data = result.data.slice();
        const view = new DataView(data.buffer);
        if (data.length >= 4) view.setUint32(0, view.getUint32(0) + 12);
        return { ...result, data };
      };
    },
  },
  {
    id: 'well-known.stops-when-managed',
    sentence: 'After a function for the well-known unit no command of it comes back.',
    requirement: 'scsi.req.report-luns-wlun-format',
    source: 'generic',
    apply: (behaviours) => {
      let managed = false;
      behaviours.resets = () => {
        managed = false;
        return true;
      };
      behaviours.manage = (run, { destination }) => {
        managed ||= isWellKnown(destination);
        return run();
      };
      behaviours.perform = ({ destination }, run) =>
        managed && isWellKnown(destination) ? undefined : run();
    },
  },
  {
    id: 'well-known.subscribes-for-all',
    sentence: 'A request about events of the well-known unit changes what is answered for all other units.',
    requirement: 'scsi.an.query-answer',
    source: 'generic',
    apply: (behaviours) => {
      let asked = 0;
      behaviours.resets = () => {
        asked = 0;
        return true;
      };
      behaviours.controlAnswer = (answer, { request }) => {
        if (request === undefined || request.type === ControlType.TMF) return answer;
        if (addressesIt(request)) asked ||= request.eventRequested;
        return addressesIt(request) ? answer : { ...answer, eventActual: answer.eventActual | asked };
      };
    },
  },
];
