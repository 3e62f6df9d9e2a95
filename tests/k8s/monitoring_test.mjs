// k8s/monitoring as kustomize renders it: a PrometheusRule that the operator takes, and the dashboard in a
// ConfigMap that Grafana finds.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { find, render, source } from './kustomize.mjs';
import { problemsOf } from './schema.mjs';

const docs = render(join(source, 'k8s/monitoring'));

test('the operator takes the rules', async () => {
  assert.deepEqual((await problemsOf(docs)).flat(), []);
});

test('what is wrong with a rule is seen', async () => {
  const mutants = [
    (d) => { d.spec.groups[1].rules[0].for = '1 minute'; },
    (d) => { d.spec.groups[1].rules[0].expr = {}; },
    (d) => { d.spec.groups[1].rules[0].annotation = {}; },
    (d) => { d.spec.group = []; },
    (d) => { d.spec.groups[1].rules[0].labels.severity = 1; },
  ].map((mutate) => {
    const doc = structuredClone(find(docs, 'PrometheusRule', 'sidecache'));
    mutate(doc);
    return doc;
  });
  for (const [i, problems] of (await problemsOf(mutants)).entries()) {
    assert.notDeepEqual(problems, [], `mutant ${i}`);
  }
});

test('the dashboard is in a ConfigMap with the label that Grafana looks for', () => {
  const map = find(docs, 'ConfigMap', 'sidecache-dashboard');
  assert.equal(map.metadata.labels.grafana_dashboard, '1');
  const file = readFileSync(join(source, 'k8s/monitoring/dashboard.json'), 'utf8');
  assert.equal(map.data['sidecache.json'], file);
});
