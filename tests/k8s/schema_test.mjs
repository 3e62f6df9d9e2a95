// Every rendered document is one that Kubernetes takes, and what is not is seen.
import assert from 'node:assert/strict';
import test from 'node:test';
import { overlays, renderOverlay, find, container } from './kustomize.mjs';
import { problemsOf } from './schema.mjs';

const rendered = overlays.map((name) => ({ name, docs: renderOverlay(name) }));

test('every document of every overlay is valid', async () => {
  const problems = await problemsOf(rendered.flatMap((o) => o.docs));
  assert.deepEqual(problems.flat(), []);
});

test('what is wrong is seen: unknown fields, wrong types, bad patterns, in each kind', async () => {
  const docs = rendered.find((o) => o.name === 'production').docs;
  const mutants = [
    ['Deployment', 'products', (d) => { d.spec.replica = 2; }],
    ['Deployment', 'products', (d) => { d.spec.template.spec.terminationGracePeriodSeconds = 'long'; }],
    ['Deployment', 'products', (d) => { container(d, 'sidecache').restartPolicie = 'Always'; }],
    ['Deployment', 'products', (d) => { container(d, 'sidecache').ports[0].containerPort = '8080'; }],
    ['Deployment', 'products', (d) => { container(d, 'sidecache').securityContext.runAsUser = 'nonroot'; }],
    ['Deployment', 'products', (d) => { container(d, 'products').lifecycle.preStop.sleep.second = 10; }],
    ['Deployment', 'products', (d) => { container(d, 'sidecache').env[1].valueFrom.secretRef = {}; }],
    ['Deployment', 'products', (d) => { container(d, 'sidecache').resources.limits.memory = '256 megabytes'; }],
    ['Service', 'products', (d) => { d.spec.ports[0].targetPrt = 8080; }],
    ['Service', 'products', (d) => { d.spec.ports[0].port = '80'; }],
    ['ConfigMap', 'sidecache-config', (d) => { d.data['sidecache.yaml'] = 1; }],
    ['NetworkPolicy', 'sidecache', (d) => { d.spec.podSelectors = {}; }],
    ['HorizontalPodAutoscaler', 'products', (d) => { d.spec.maxReplicas = '12'; }],
    ['HorizontalPodAutoscaler', 'products', (d) => { d.spec.metrics[0].containerResources = {}; }],
    ['PodDisruptionBudget', 'products', (d) => { d.spec.maxUnavailabel = 1; }],
    ['PodMonitor', 'sidecache', (d) => { d.spec.podMetricsEndpoints[0].interval = '15x'; }],
    ['PodMonitor', 'sidecache', (d) => { d.spec.podMetricsEndpoint = []; }],
  ].map(([kind, name, mutate]) => {
    const doc = structuredClone(find(docs, kind, name));
    mutate(doc);
    return { doc, what: `${kind}: ${mutate}` };
  });
  const problems = await problemsOf(mutants.map((m) => m.doc));
  const unseen = mutants.filter((_, i) => problems[i].length === 0).map((m) => m.what);
  assert.deepEqual(unseen, []);
});
