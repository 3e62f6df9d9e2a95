// k8s/README.md, 'Put it beside your own Deployment': its snippet, as it stands, on a backend that knows
// nothing of sidecache.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { dump, load } from 'js-yaml';
import { container, find, program, render, source } from './kustomize.mjs';
import { problemsOf } from './schema.mjs';

const readme = readFileSync(join(source, 'k8s/README.md'), 'utf8');
const plain = (name) => load(readFileSync(join(source, 'tests/k8s/plain', name), 'utf8'));

/// The one snippet of that name, without its indent.
function snippet(name) {
  const found = [...readme.matchAll(/^( *)```yaml\n([\s\S]*?)^ *```$/gm)]
    .map(([, indent, text]) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))
    .filter((text) => text.startsWith(`# ${name}\n`));
  assert.equal(found.length, 1, `${found.length} snippets ${name}`);
  return found[0];
}

function labelled(doc, wanted) {
  if (wanted) {
    doc.metadata.labels = { sidecache: 'enabled' };
  }
  return dump(doc);
}

/// What the guide leads to, with the label on these.
function follow({ deployment, service }) {
  const folder = mkdtempSync(join(tmpdir(), 'guide-'));
  try {
    cpSync(join(source, 'k8s/sidecar'), join(folder, 'sidecar'), { recursive: true });
    cpSync(join(source, 'config/products.yaml'), join(folder, 'sidecache.yaml'));
    writeFileSync(join(folder, 'deployment.yaml'), labelled(plain('deployment.yaml'), deployment));
    writeFileSync(join(folder, 'service.yaml'), labelled(plain('service.yaml'), service));
    writeFileSync(join(folder, 'kustomization.yaml'), snippet('kustomization.yaml'));
    return render(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('before any label: what was there, unchanged', () => {
  const docs = follow({});
  assert.deepEqual(find(docs, 'Deployment', 'shop'), plain('deployment.yaml'));
  assert.deepEqual(find(docs, 'Service', 'shop'), plain('service.yaml'));
});

test('the label on the Deployment: sidecache is in the pod, and clients still go to the backend', async () => {
  const docs = follow({ deployment: true });
  assert.deepEqual((await problemsOf(docs)).flat(), []);
  const deployment = find(docs, 'Deployment', 'shop');
  const sidecache = container(deployment, 'sidecache');
  assert.equal(sidecache.restartPolicy, 'Always');
  assert.equal(sidecache.image, 'registry.example.com/sidecache:0.1.0');
  assert.equal(sidecache.env.find((e) => e.name === 'UPSTREAM_URL').value, 'http://127.0.0.1:8000');
  assert.ok(sidecache.env.some((e) => e.name === 'REDIS_URL'));
  assert.deepEqual(find(docs, 'Service', 'shop'), plain('service.yaml'));
  // The backend's own is still there, and nothing of it is different but when it ends.
  const before = plain('deployment.yaml').spec.template.spec;
  const { lifecycle, ...backend } = container(deployment, 'shop');
  assert.deepEqual(backend, before.containers[0]);
  assert.deepEqual(lifecycle, { preStop: { sleep: { seconds: 10 } } });
  assert.deepEqual(container(deployment, 'migrate'), before.initContainers[0]);
  assert.ok(deployment.spec.template.spec.volumes.some((v) => v.name === 'uploads'));
});

test('the label on the Service, too: clients come to sidecache', async () => {
  const docs = follow({ deployment: true, service: true });
  const service = find(docs, 'Service', 'shop');
  const port = container(find(docs, 'Deployment', 'shop'), 'sidecache').ports.find((p) => p.name === 'sidecache');
  assert.equal(service.spec.ports[0].targetPort, port.containerPort);
  assert.deepEqual((await problemsOf([service])).flat(), []);
});

test('its commands are ones of the program, and its rules ones of the configuration', () => {
  const commands = [...readme.matchAll(/\/?sidecache (purge|check|drain|run|stats)\b([^\n`]*)/g)];
  assert.ok(commands.length >= 3);
  for (const [, command] of commands) {
    execFileSync(program, [command, '--help']);
  }
  const shipped = load(readFileSync(join(source, 'config/products.yaml'), 'utf8'));
  for (const [, rule] of readme.matchAll(/purge --rule (\S+)/g)) {
    assert.ok(shipped.rules.some((r) => r.name === rule), rule);
  }
});

test('every link leads to something', () => {
  for (const [, target] of readme.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
    assert.ok(existsSync(join(dirname(join(source, 'k8s/README.md')), target)), target);
  }
});

test('it says of the image what the Dockerfile does', () => {
  const dockerfile = readFileSync(join(source, 'k8s/image/Dockerfile'), 'utf8');
  assert.ok(readme.includes(/^USER (\d+)/m.exec(dockerfile)[1]));
  assert.ok(readme.includes('/etc/sidecache/sidecache.yaml') && dockerfile.includes('/etc/sidecache/sidecache.yaml'));
});
