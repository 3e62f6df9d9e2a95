// The dashboard is what Grafana's own types say a dashboard is: the compiler finds wrong types and
// unknown fields. Whether its queries make sense is tests/monitoring's to say.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { source } from './kustomize.mjs';

const dashboard = JSON.parse(readFileSync(join(source, 'k8s/monitoring/dashboard.json'), 'utf8'));

/// What the types leave to data sources, which Grafana writes and reads all the same.
function withoutQueries(whole) {
  const d = structuredClone(whole);
  for (const variable of d.templating.list) {
    delete variable.definition;
  }
  for (const { expr, titleFormat, textFormat, step, ...rest } of d.annotations.list.splice(0)) {
    assert.ok(expr && titleFormat && textFormat && step);
    d.annotations.list.push(rest);
  }
  return d;
}

/// What the compiler says of each. One run for all: it takes a while.
function problemsOf(dashboards) {
  const folder = mkdtempSync(join(process.cwd(), 'dashboard-'));
  try {
    const files = dashboards.map((d, i) => {
      // JSON holds the names of an enumeration, which are no values of its type.
      const text = JSON.stringify(withoutQueries(d), null, 1).replaceAll('"mode": "absolute"', '"mode": ThresholdsMode.Absolute');
      const file = join(folder, `dashboard${i}.ts`);
      writeFileSync(file, 'import { ThresholdsMode, type Dashboard, type Panel, type RowPanel } from \'@grafana/schema\';\n' +
        `export const d: Omit<Dashboard, 'panels'> & { panels: Array<Panel | RowPanel> } = ${text};\n`);
      return file;
    });
    let printed = '';
    try {
      execFileSync('node', ['node_modules/typescript/bin/tsc', '--noEmit', '--strict', '--skipLibCheck',
        '--pretty', 'false', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--target', 'es2022', ...files],
        { encoding: 'utf8' });
    } catch (error) {
      printed = error.stdout;
    }
    const errors = printed.split('\n').filter((line) => line.includes('error TS'));
    const problems = dashboards.map((_, i) => errors.filter((line) => line.includes(`dashboard${i}.ts(`)));
    assert.equal(problems.flat().length, errors.length, printed);
    return problems;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the dashboard has the types that Grafana gives it', () => {
  assert.deepEqual(problemsOf([dashboard]), [[]]);
});

test('what is wrong with it is seen', () => {
  const mutants = [
    (d) => { d.titel = 'x'; },
    (d) => { d.schemaVersion = '37'; },
    (d) => { d.templating.list[1].multi = 'yes'; },
    (d) => { d.panels[1].gridPos.w = '8'; },
  ].map((mutate) => {
    const d = structuredClone(dashboard);
    mutate(d);
    return d;
  });
  for (const [i, problems] of problemsOf(mutants).entries()) {
    assert.notDeepEqual(problems, [], `mutant ${i}`);
  }
});

test('panels have ids and places of their own', () => {
  const ids = dashboard.panels.map((p) => p.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const [i, a] of dashboard.panels.entries()) {
    const { x, y, w, h } = a.gridPos;
    assert.ok(x >= 0 && x + w <= 24, a.title);
    for (const b of dashboard.panels.slice(i + 1)) {
      const other = b.gridPos;
      assert.ok(x + w <= other.x || other.x + other.w <= x || y + h <= other.y || other.y + other.h <= y,
        `${a.title} lies over ${b.title}`);
    }
  }
});
