// What the manifests promise beyond being valid: that their parts fit each other, the program and its
// configuration.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { load } from 'js-yaml';
import { container, find, overlays, program, renderOverlay, source } from './kustomize.mjs';

const rendered = Object.fromEntries(overlays.map((name) => [name, renderOverlay(name)]));
const shipped = readFileSync(join(source, 'config/products.yaml'), 'utf8');
const dockerfile = readFileSync(join(source, 'k8s/image/Dockerfile'), 'utf8');

function matches(selector, labels) {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function isIn(docs, kind, name) {
  return docs.some((d) => d.kind === kind && d.metadata.name === name);
}

/// The environment that sidecache gets in the pod; what comes from a Secret by an example.
function environmentOf(c) {
  const examples = { 'redis-url': 'redis://redis:6379/0', 'admin-token': 'a-token' };
  return Object.fromEntries(c.env.map((e) => [e.name, e.value ?? examples[e.valueFrom.secretKeyRef.key]]));
}

/// The configuration in effect in the pod.
function configurationOf(docs) {
  const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
  try {
    const file = join(folder, 'sidecache.yaml');
    writeFileSync(file, find(docs, 'ConfigMap', 'sidecache-config').data['sidecache.yaml']);
    const env = { PATH: process.env.PATH, ...environmentOf(container(find(docs, 'Deployment', 'products'), 'sidecache')) };
    const checked = execFileSync(program, ['check', file], { env, encoding: 'utf8' });
    assert.doesNotMatch(checked, /warning/);
    return load(execFileSync(program, ['check', '--dump', file], { env, encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function seconds(duration) {
  const [, number, unit] = /^(\d+)(ms|s|m)$/.exec(duration);
  return Number(number) * { ms: 0.001, s: 1, m: 60 }[unit];
}

for (const name of overlays) {
  const docs = rendered[name];
  const deployment = find(docs, 'Deployment', 'products');
  const pod = deployment.spec.template;
  const sidecache = container(deployment, 'sidecache');

  test(`${name}: the ConfigMap is config/products.yaml, under a name that does not change with it`, () => {
    const map = find(docs, 'ConfigMap', 'sidecache-config');
    assert.deepEqual(map.data, { 'sidecache.yaml': shipped });
    const volume = pod.spec.volumes.find((v) => v.name === 'sidecache-config');
    assert.equal(volume.configMap.name, 'sidecache-config');
  });

  test(`${name}: the file that the image runs is the one that is mounted, as a folder, and watched`, () => {
    const [, command] = /^CMD (.*)$/m.exec(dockerfile);
    const [mount] = sidecache.volumeMounts;
    assert.deepEqual(JSON.parse(command), ['run', `${mount.mountPath}/sidecache.yaml`]);
    assert.equal(mount.subPath, undefined);
    assert.equal(configurationOf(docs).reload, 'watch');
  });

  test(`${name}: every variable in the environment is one of the configuration's`, () => {
    for (const { name: variable } of sidecache.env) {
      assert.ok(shipped.includes(`\${${variable}:-`), `${variable} is nowhere in products.yaml`);
    }
  });

  test(`${name}: the Service leads to sidecache, and sidecache to the backend's port`, () => {
    const service = find(docs, 'Service', 'products');
    const config = configurationOf(docs);
    const port = sidecache.ports.find((p) => p.name === 'sidecache').containerPort;
    assert.equal(service.spec.ports[0].targetPort, port);
    assert.equal(config.listen, `0.0.0.0:${port}`);
    const backend = container(deployment, 'products').ports.find((p) => p.name === 'http').containerPort;
    assert.equal(config.upstream.url, `http://127.0.0.1:${backend}`);
    assert.ok(matches(service.spec.selector, pod.metadata.labels));
  });

  test(`${name}: probes, annotations and policy go to the admin port, which needs a token for more than reading`, () => {
    const config = configurationOf(docs);
    const port = sidecache.ports.find((p) => p.name === 'sidecache-admin').containerPort;
    assert.equal(config.admin.listen, `0.0.0.0:${port}`);
    assert.equal(config.admin.token, '***');
    const probes = { startupProbe: '/readyz', readinessProbe: '/readyz', livenessProbe: '/livez' };
    for (const [probe, path] of Object.entries(probes)) {
      assert.deepEqual(sidecache[probe].httpGet, { path, port: 'sidecache-admin' });
    }
    assert.equal(pod.metadata.annotations['prometheus.io/port'], String(port));
    const policy = find(docs, 'NetworkPolicy', 'sidecache').spec;
    assert.ok(matches(policy.podSelector.matchLabels, pod.metadata.labels));
    const open = policy.ingress.filter((rule) => rule.from === undefined).flatMap((rule) => rule.ports.map((p) => p.port));
    assert.deepEqual(open, [sidecache.ports.find((p) => p.name === 'sidecache').containerPort]);
    const guarded = policy.ingress.filter((rule) => rule.from !== undefined).flatMap((rule) => rule.ports.map((p) => p.port));
    assert.deepEqual(guarded, [port]);
  });

  test(`${name}: no privileges, a read-only root, bounded memory`, () => {
    for (const c of docs.filter((d) => d.kind === 'Deployment').flatMap((d) =>
      [...d.spec.template.spec.containers, ...(d.spec.template.spec.initContainers ?? [])])) {
      const context = c.securityContext;
      assert.equal(context.runAsNonRoot, true, c.name);
      assert.equal(context.readOnlyRootFilesystem, true, c.name);
      assert.equal(context.allowPrivilegeEscalation, false, c.name);
      assert.deepEqual(context.capabilities, { drop: ['ALL'] }, c.name);
      assert.equal(context.seccompProfile.type, 'RuntimeDefault', c.name);
      assert.ok(c.resources.limits.memory && c.resources.requests.cpu && c.resources.requests.memory, c.name);
    }
    const [, user] = /^USER (\d+):\d+$/m.exec(dockerfile);
    assert.equal(sidecache.securityContext.runAsUser, Number(user));
  });

  test(`${name}: what is referred to is there`, () => {
    for (const { valueFrom } of sidecache.env.filter((e) => e.valueFrom)) {
      const { name: secret, key } = valueFrom.secretKeyRef;
      if (name === 'production') {
        assert.equal(secret, 'sidecache'); // the team's own, as README says
      } else {
        assert.ok(key in find(docs, 'Secret', secret).data || key in find(docs, 'Secret', secret).stringData, key);
      }
    }
    for (const d of docs.filter((one) => one.spec?.scaleTargetRef)) {
      assert.ok(isIn(docs, d.spec.scaleTargetRef.kind, d.spec.scaleTargetRef.name));
      const metric = d.spec.metrics[0].containerResource;
      assert.ok(container(deployment, metric.container));
      assert.equal(deployment.spec.replicas, undefined); // or each apply undoes what was scaled
    }
    for (const d of docs.filter((one) => one.kind === 'PodDisruptionBudget' || one.kind === 'PodMonitor')) {
      assert.ok(matches(d.spec.selector.matchLabels, pod.metadata.labels), d.kind);
    }
    for (const d of docs.filter((one) => one.kind === 'PodMonitor')) {
      assert.ok(sidecache.ports.some((p) => p.name === d.spec.podMetricsEndpoints[0].port));
    }
  });

  test(`${name}: the pod has time for all of its end`, () => {
    const { drain_delay: delay, drain_timeout: timeout } = configurationOf(docs).limits;
    const hook = container(deployment, 'products').lifecycle.preStop;
    const backend = hook.sleep?.seconds ?? Number(hook.exec.command[1]);
    const grace = pod.spec.terminationGracePeriodSeconds;
    const ofBackend = 30;
    assert.ok(grace >= backend + ofBackend + seconds(timeout));
    assert.ok(grace >= seconds(delay) + seconds(timeout));
    if (sidecache.restartPolicy !== 'Always') {
      assert.ok(seconds(delay) > 0 && backend > seconds(delay)); // SIGTERM comes to both at once
    }
  });
}

test('a native sidecar, which says that it leaves with a program that its image has', () => {
  for (const name of ['try', 'production']) {
    const deployment = find(rendered[name], 'Deployment', 'products');
    const [only] = deployment.spec.template.spec.initContainers;
    assert.equal(only.name, 'sidecache');
    assert.equal(only.restartPolicy, 'Always');
    const [binary, command] = only.lifecycle.preStop.exec.command;
    assert.deepEqual(JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)[1]), [binary]);
    execFileSync(program, [command, '--help']);
  }
  const classic = find(rendered.classic, 'Deployment', 'products').spec.template.spec;
  assert.equal(classic.initContainers, undefined);
});

test('only the production overlay has no Redis of its own, and Redis keeps the tags of running writes', () => {
  for (const name of overlays) {
    assert.equal(isIn(rendered[name], 'Deployment', 'redis'), name !== 'production');
  }
  const redis = container(find(rendered.try, 'Deployment', 'redis'), 'redis');
  const policy = redis.args[redis.args.indexOf('--maxmemory-policy') + 1];
  assert.match(policy, /^(noeviction|volatile-\w+)$/);
});

test('without the component nothing of sidecache is left: the way back', () => {
  const before = ['deployment', 'service'].map((f) => load(readFileSync(join(source, `k8s/base/${f}.yaml`), 'utf8')));
  const [deployment, service] = before;
  assert.deepEqual(deployment.spec.template.spec.containers.map((c) => c.name), ['products']);
  assert.equal(deployment.spec.template.spec.initContainers, undefined);
  assert.equal(service.spec.ports[0].targetPort, 'http');
});
