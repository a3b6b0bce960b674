/* Draws the page from its data. Text from a device becomes text nodes only, never markup. */
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const RED = ['fail', 'crash', 'hang', 'error'];
  const VERDICTS = [...RED, 'warn', 'note', 'pass', 'skip'];
  /** So many rows are drawn at a time. */
  const STEP = 100;
  const byId = (id) => document.getElementById(id);
  const several = data.runs.length > 1;

  /** An element with attributes and children; strings become text. */
  function el(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
      if (value === true) element.setAttribute(key, '');
      else if (value !== false && value !== undefined) element.setAttribute(key, String(value));
    element.append(...children.filter((child) => child !== undefined));
    return element;
  }
  const isRed = (verdict) => RED.includes(verdict);
  const verdictMark = (verdict) => el('span', { class: `verdict ${verdict}` }, verdict);
  const deviceName = (run) => `${data.runs[run].device}${sameName(run) ? ` (${run + 1})` : ''}`;
  const sameName = (run) => data.runs.some(({ device }, i) => i !== run && device === data.runs[run].device);

  /** Draws items step by step: the rest when its button is used or comes into sight. */
  function lazyList(target, button, draw) {
    let items = [];
    let drawn = 0;
    const more = () => {
      const next = items.slice(drawn, drawn + STEP);
      drawn += next.length;
      target.append(...next.map(draw));
      button.hidden = drawn >= items.length;
      button.textContent = `Show ${Math.min(STEP, items.length - drawn)} more of ${items.length}`;
    };
    button.addEventListener('click', more);
    if ('IntersectionObserver' in window)
      new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && !button.hidden && more(), {
        rootMargin: '400px',
      }).observe(button);
    return (all) => {
      items = all;
      drawn = 0;
      target.replaceChildren();
      more();
    };
  }

  // --- summary -------------------------------------------------------------------------------------------------

  byId('suite').textContent = data.suite;
  byId('summary-title').textContent = data.runs.map(({ device }) => device).join(' · ');
  for (const run of data.runs) {
    if (several) byId('tiles').append(el('h2', {}, run.device));
    if (run.interrupted)
      byId('tiles').append(el('p', { class: 'notice' }, 'The run was interrupted: results are missing.'));
    const tiles = el('ul', { class: 'tiles' });
    tiles.append(el('li', {}, el('strong', {}, String(run.summary.total)), 'results'));
    for (const verdict of VERDICTS)
      if (run.summary[verdict] > 0)
        tiles.append(el('li', { class: verdict }, el('strong', {}, String(run.summary[verdict])), verdict));
    if (run.unexpected > 0)
      tiles.append(
        el('li', { class: 'fail' }, el('strong', {}, String(run.unexpected)), 'red and not known'),
      );
    if (run.known > 0) tiles.append(el('li', {}, el('strong', {}, String(run.known)), 'red and known'));
    byId('tiles').append(tiles);
    if (run.stale.length > 0)
      byId('tiles').append(
        el('p', { class: 'notice' }, `Listed as known and not red: ${run.stale.join(', ')}`),
      );
  }

  // --- results and their filters -------------------------------------------------------------------------------

  const order = (one) => VERDICTS.indexOf(one.verdict) + (one.known ? 0.5 : 0);
  const results = data.cases
    .map((one, at) => ({ ...one, at }))
    .sort((a, b) => order(a) - order(b) || a.at - b.at);
  const searched = results.map((one) => {
    const { id, title, covers } = data.ids[one.id];
    const found = (one.findings ?? []).flatMap((f) => [
      f.check,
      f.expected,
      f.got,
      f.request ?? '',
      ...f.requirements,
    ]);
    const requirements = covers.map((cover) => data.requirements[cover].id);
    const skip = one.skip === undefined ? '' : data.skips[one.skip];
    return [id, title, one.verdict, data.modes[one.mode], skip, ...found, ...requirements]
      .join('\n')
      .toLowerCase();
  });
  const textOf = new Map(results.map((one, at) => [one, searched[at]]));

  const filters = byId('filters');
  const chosen = new Set();
  const fill = (select, names, all) =>
    select.replaceChildren(
      el('option', { value: '' }, all),
      ...names.map((name, at) => el('option', { value: at }, name === '' ? '(none)' : name)),
    );
  fill(byId('area'), data.areas, 'all areas');
  fill(byId('mode'), data.modes, 'all modes');
  fill(
    byId('device'),
    data.runs.map((_, run) => deviceName(run)),
    'all devices',
  );
  byId('device-label').hidden = !several;
  const toggles = VERDICTS.filter((verdict) => results.some((one) => one.verdict === verdict)).map(
    (verdict) => {
      const button = el(
        'button',
        { type: 'button', 'aria-pressed': 'false', 'data-verdict': verdict },
        verdict,
      );
      button.addEventListener('click', () => {
        if (!chosen.delete(verdict)) chosen.add(verdict);
        showChosen();
        show();
      });
      return button;
    },
  );
  byId('verdicts').append(...toggles);
  const showChosen = () => {
    for (const button of toggles)
      button.setAttribute('aria-pressed', String(chosen.has(button.dataset.verdict)));
  };

  const drawResults = lazyList(byId('list'), byId('more'), drawResult);
  function show() {
    const words = byId('text').value.toLowerCase().split(/\s+/).filter(Boolean);
    const [area, mode, run] = ['area', 'mode', 'device'].map((id) => byId(id).value);
    const left = results.filter(
      (one) =>
        (chosen.size === 0 || chosen.has(one.verdict)) &&
        (area === '' || data.ids[one.id].area === Number(area)) &&
        (mode === '' || one.mode === Number(mode)) &&
        (run === '' || one.run === Number(run)) &&
        words.every((word) => textOf.get(one).includes(word)),
    );
    const red = left.filter((one) => isRed(one.verdict)).length;
    byId('count').textContent = `${left.length} of ${results.length} results, ${red} red`;
    drawResults(left);
  }
  filters.addEventListener('input', show);
  filters.addEventListener('submit', (event) => event.preventDefault());
  filters.addEventListener('reset', () => {
    chosen.clear();
    showChosen();
    setTimeout(show);
  });

  /** Narrows the results to just this and goes there. */
  function narrow({ text = '', area = '', mode = '', run = '' }) {
    chosen.clear();
    showChosen();
    byId('text').value = text;
    byId('area').value = String(area);
    byId('mode').value = String(mode);
    byId('device').value = String(run);
    show();
    byId('results').scrollIntoView();
    byId('results').focus({ preventScroll: true });
  }

  let rows = 0;
  function drawResult(one) {
    const { id, title } = data.ids[one.id];
    const detailId = `detail-${++rows}`;
    const where = [
      data.modes[one.mode],
      ...(several ? [deviceName(one.run)] : []),
      ...(one.known ? ['known'] : []),
    ];
    const row = el(
      'button',
      { type: 'button', class: 'row', 'aria-expanded': 'false', 'aria-controls': detailId },
      verdictMark(one.verdict),
      el('span', { class: 'id mono' }, id),
      el('span', { class: 'title' }, title),
      el('span', { class: 'where' }, where.filter(Boolean).join(' · ')),
    );
    const detail = el('div', { id: detailId, class: 'detail', hidden: true });
    row.addEventListener('click', () => {
      const open = detail.hidden;
      if (open && !detail.hasChildNodes()) detail.append(...detailOf(one));
      detail.hidden = !open;
      row.setAttribute('aria-expanded', String(open));
    });
    return el('li', {}, row, detail);
  }

  function terms(pairs, attributes = {}) {
    const list = el('dl', attributes);
    for (const [name, value] of pairs)
      if (value !== undefined && value !== '') list.append(el('dt', {}, name), el('dd', {}, value));
    return list;
  }

  /** What is worst comes first. */
  const findingsOf = (one) =>
    [...(one.findings ?? [])].sort((a, b) => VERDICTS.indexOf(a.severity) - VERDICTS.indexOf(b.severity));

  function detailOf(one) {
    const { covers } = data.ids[one.id];
    const parts = [
      terms([
        ['took', one.verdict === 'skip' ? undefined : `${one.ms} ms`],
        ['skipped', one.skip === undefined ? undefined : data.skips[one.skip]],
      ]),
      ...findingsOf(one).map(drawFinding),
    ];
    if (one.again !== undefined) parts.push(el('h4', {}, 'Again, alone'), commandLine(one.again));
    const told = new Set((one.findings ?? []).flatMap((finding) => finding.requirements));
    const rest = covers.filter((cover) => !told.has(data.requirements[cover].id));
    if (rest.length > 0)
      parts.push(
        el('h4', {}, told.size > 0 ? 'Also covers' : 'Covers'),
        requirementTerms(rest.map((r) => data.requirements[r])),
      );
    return parts;
  }

  const requirementById = new Map(data.requirements.map((requirement) => [requirement.id, requirement]));
  const requirementTerms = (requirements) =>
    terms(
      requirements.map(({ id, strength, section, text }) => [
        id,
        text === '' ? 'not in the catalogue of this version' : `${strength}: ${text} (${section})`,
      ]),
    );

  function commandLine(text) {
    const copy = el('button', { type: 'button' }, 'Copy');
    const shown = el('pre', {}, text);
    copy.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = 'Copied';
      } catch {
        getSelection().selectAllChildren(shown);
        copy.textContent = 'Selected';
      }
    });
    return el('div', { class: 'command' }, shown, copy);
  }

  function drawFinding(finding) {
    const { severity, step, check, expected, got, place, ruling, reproduced, diff, fields } = finding;
    const box = el('div', { class: 'finding' });
    box.append(
      el('h3', {}, verdictMark(severity), ` step ${step}: ${check}`),
      terms([
        ['expected', expected],
        ['got', got],
        ['place', place],
        ['ruling', ruling],
        ['request', finding.request],
        ['used length', finding.usedLen === undefined ? undefined : String(finding.usedLen)],
        [
          'reproduced',
          reproduced === undefined ? undefined : reproduced ? 'yes, alone on a fresh device' : 'no',
        ],
      ]),
    );
    if (finding.requirements.length > 0)
      box.append(
        el('h4', {}, 'Requirements'),
        requirementTerms(finding.requirements.map((id) => requirementById.get(id))),
      );
    if (diff !== undefined && diff.rows.length > 0)
      box.append(el('h4', {}, 'Bytes that differ'), drawDiff(diff));
    if (fields.length > 0)
      box.append(el('h4', {}, 'The exchange, field by field'), drawFields(fields, check, diff));
    return box;
  }

  const scrolled = (label, content) =>
    el('div', { class: 'scroll', role: 'region', 'aria-label': label, tabindex: '0' }, content);

  function drawDiff({ rows: differing, more }) {
    const bytes = (list, differs) =>
      list.flatMap((byte, at) => [
        at === 0 ? '' : at % 4 === 0 ? '  ' : ' ',
        differs[at] ? el('mark', {}, byte) : byte,
      ]);
    const body = el('tbody');
    for (const { offset, expected, got, differs } of differing) {
      const cell = (list) => el('td', {}, el('code', {}, ...bytes(list, differs)));
      body.append(
        el(
          'tr',
          {},
          el('th', { scope: 'rowgroup', rowspan: '2', class: 'mono' }, offset.toString(16).padStart(4, '0')),
          el('td', {}, 'expected'),
          cell(expected),
        ),
        el('tr', {}, el('td', {}, 'got'), cell(got)),
      );
    }
    const head = el(
      'thead',
      {},
      el('tr', {}, ...['Offset', '', 'Bytes'].map((name) => el('th', { scope: 'col' }, name))),
    );
    const box = el('div', {}, scrolled('Bytes that differ', el('table', { class: 'diff' }, head, body)));
    if (more > 0) box.append(el('p', { class: 'hint' }, `and ${more} more rows of 16 bytes`));
    return box;
  }

  const PARTS = { out: 'Sent: the device-readable part', in: 'Came back: the device-writable part' };
  /** The bytes of a field in groups of four, those at `marked` offsets marked. */
  function fieldBytes(hex, marked) {
    const shown = hex.slice(0, 256).match(/../g) ?? [];
    const cell = el('td', { class: 'bytes mono' });
    shown.forEach((byte, at) => {
      cell.append(at > 0 && at % 4 === 0 ? ' ' : '', marked?.has(at) ? el('mark', {}, byte) : byte);
    });
    if (hex.length > 256) cell.append(` … (${hex.length / 2} bytes)`);
    return cell;
  }

  function drawFields(fields, check, diff) {
    const differing = new Set(
      (diff?.rows ?? []).flatMap(({ offset, differs }) =>
        differs.flatMap((mark, at) => (mark ? [offset + at] : [])),
      ),
    );
    const body = el('tbody');
    let part;
    for (const field of fields) {
      if (field.part !== part) {
        part = field.part;
        body.append(el('tr', { class: 'part' }, el('th', { scope: 'colgroup', colspan: '4' }, PARTS[part])));
      }
      const lookedAt = field.name === check && part === 'in';
      body.append(
        el(
          'tr',
          { class: lookedAt ? 'looked-at' : undefined },
          el('td', { class: 'mono' }, field.offset.toString(16).padStart(4, '0')),
          el('th', { scope: 'row', class: 'mono' }, lookedAt ? el('mark', {}, field.name) : field.name),
          fieldBytes(field.bytes, lookedAt ? differing : undefined),
          el('td', { class: 'meaning' }, field.meaning ?? ''),
        ),
      );
    }
    const head = el(
      'thead',
      {},
      el(
        'tr',
        {},
        ...['Offset', 'Field', 'Bytes', 'Meaning'].map((name) => el('th', { scope: 'col' }, name)),
      ),
    );
    return scrolled('The exchange, field by field', el('table', { class: 'fields' }, head, body));
  }

  // --- matrix --------------------------------------------------------------------------------------------------

  const counts = new Map();
  for (const one of results) {
    const key = `${data.ids[one.id].area} ${one.run} ${one.mode}`;
    const count = counts.get(key) ?? { green: 0, red: 0, skip: 0 };
    count[one.verdict === 'skip' ? 'skip' : isRed(one.verdict) ? 'red' : 'green']++;
    counts.set(key, count);
  }
  const columns = data.runs.flatMap((_, run) =>
    data.modes
      .map((_, mode) => ({ run, mode }))
      .filter(({ mode }) => results.some((one) => one.run === run && one.mode === mode)),
  );
  const modesOf = (run) => columns.filter((column) => column.run === run).length;
  const matrix = el('table', { class: columns.length > 6 ? 'matrix' : 'matrix few' });
  const devices = el('tr', {}, el('td'));
  data.runs.forEach((_, run) => {
    if (modesOf(run) > 0)
      devices.append(el('th', { scope: 'colgroup', colspan: modesOf(run) }, deviceName(run)));
  });
  const head = el('tr', {}, el('th', { scope: 'col' }, 'Area'));
  for (const { mode } of columns)
    head.append(el('th', { scope: 'col', class: 'mode' }, el('span', {}, data.modes[mode] || '(none)')));
  const body = el('tbody');
  data.areas.forEach((area, index) => {
    const row = el('tr', {}, el('th', { scope: 'row', class: 'mono' }, area));
    for (const { run, mode } of columns) {
      const count = counts.get(`${index} ${run} ${mode}`);
      if (count === undefined) {
        row.append(el('td'));
        continue;
      }
      const { green, red, skip } = count;
      const label = `${area}, ${data.modes[mode]}, ${deviceName(run)}: ${green} green, ${red} red, ${skip} skipped`;
      const state = red > 0 ? 'red' : green > 0 ? 'green' : 'idle';
      const cell = el(
        'button',
        { type: 'button', class: `cell ${state}`, 'aria-label': label, title: label },
        red > 0 ? `${red}/${green + red}` : green > 0 ? String(green) : `(${skip})`,
      );
      cell.addEventListener('click', () => narrow({ area: index, mode, run }));
      row.append(el('td', {}, cell));
    }
    body.append(row);
  });
  matrix.append(el('thead', {}, ...(several ? [devices] : []), head), body);
  byId('matrix-table').append(matrix);

  // --- requirements --------------------------------------------------------------------------------------------

  const STATES = {
    broken: 'broken: a case is red',
    kept: 'kept: a case was carried out, none is red',
    untested: 'untested: every case was skipped',
    uncovered: 'no case in these results',
  };
  const byRequirement = data.requirements.map(() => ({ red: 0, green: 0, skip: 0 }));
  for (const one of results)
    for (const cover of data.ids[one.id].covers)
      byRequirement[cover][one.verdict === 'skip' ? 'skip' : isRed(one.verdict) ? 'red' : 'green']++;
  const stateOf = ({ red, green, skip }) =>
    red > 0 ? 'broken' : green > 0 ? 'kept' : skip > 0 ? 'untested' : 'uncovered';
  const requirements = data.requirements.map((requirement, at) => ({
    ...requirement,
    ...byRequirement[at],
    state: stateOf(byRequirement[at]),
  }));
  byId('requirement-state').append(
    el('option', { value: '' }, 'all states'),
    ...Object.entries(STATES).map(([state, words]) =>
      el(
        'option',
        { value: state },
        `${words} (${requirements.filter((one) => one.state === state).length})`,
      ),
    ),
  );
  const drawRequirements = lazyList(byId('requirement-list'), byId('requirement-more'), (one) => {
    const name = el('button', { type: 'button', class: 'link mono' }, one.id);
    name.addEventListener('click', () => narrow({ text: one.id }));
    const told = [
      [one.green, 'green'],
      [one.red, 'red'],
      [one.skip, 'skipped'],
    ]
      .filter(([count]) => count > 0)
      .map(([count, what]) => `${count} ${what}`)
      .join(', ');
    return el(
      'tr',
      {},
      el('th', { scope: 'row' }, one.state === 'uncovered' ? el('span', { class: 'mono' }, one.id) : name),
      el('td', {}, one.strength),
      el(
        'td',
        { class: `state-${one.state}` },
        one.state,
        one.state === 'uncovered' ? '' : el('div', { class: 'hint' }, told),
      ),
      el('td', {}, one.text, el('div', { class: 'hint' }, one.section)),
    );
  });
  function showRequirements() {
    const words = byId('requirement-text').value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = byId('requirement-state').value;
    const left = requirements.filter((one) => {
      const text = `${one.id}\n${one.text}\n${one.section}\n${one.area}`.toLowerCase();
      return (state === '' || one.state === state) && words.every((word) => text.includes(word));
    });
    byId('requirement-count').textContent = `${left.length} of ${requirements.length} requirements`;
    drawRequirements(left);
  }
  byId('requirement-filters').addEventListener('input', showRequirements);
  byId('requirement-filters').addEventListener('submit', (event) => event.preventDefault());

  // --- standing checks and environment -------------------------------------------------------------------------

  const standing = el('tbody');
  data.runs.forEach((run, index) => {
    for (const row of run.standing)
      standing.append(
        el(
          'tr',
          {},
          el('th', { scope: 'row', class: 'mono' }, row.check),
          ...(several ? [el('td', {}, deviceName(index))] : []),
          el('td', {}, verdictMark(row.verdict), row.known ? ' (known)' : ''),
          el('td', {}, row.counts),
          el(
            'td',
            {},
            el('span', { class: 'mono' }, row.requirement),
            ...(row.example ? [el('div', { class: 'hint' }, row.example)] : []),
          ),
        ),
      );
  });
  const titles = ['Check', ...(several ? ['Device'] : []), 'Verdict', 'Violated on', 'Requirement'];
  byId('standing-table').append(
    el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...titles.map((name) => el('th', { scope: 'col' }, name)))),
      standing,
    ),
  );
  for (const run of data.runs) byId('facts').append(terms(run.facts, { class: 'facts' }));

  // --- keys ----------------------------------------------------------------------------------------------------

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '');
    if (event.key === '/' && !typing) {
      event.preventDefault();
      byId('text').focus();
      return;
    }
    const rowsNow = [...document.querySelectorAll('#list .row')];
    const at = rowsNow.indexOf(document.activeElement);
    const fromText = document.activeElement === byId('text');
    if (event.key === 'Escape' && at >= 0) byId('text').focus();
    else if (event.key === 'ArrowDown' && (at >= 0 || fromText)) (rowsNow[at + 1] ?? byId('more')).focus();
    else if (event.key === 'ArrowUp' && at >= 0) (rowsNow[at - 1] ?? byId('text')).focus();
    else return;
    event.preventDefault();
  });

  show();
  showRequirements();
})();
