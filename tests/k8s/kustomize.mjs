// What `kubectl kustomize` makes of a folder.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';

export const source = process.env.SIDECACHE_SOURCE;
export const program = process.env.SIDECACHE_PROGRAM;
export const overlays = ['try', 'production', 'classic'];

export function render(folder) {
  return loadAll(execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' }));
}

export function renderOverlay(name) {
  return render(join(source, 'k8s/overlays', name));
}

/// The one document of a kind and name.
export function find(docs, kind, name) {
  const found = docs.filter((d) => d.kind === kind && (name === undefined || d.metadata.name === name));
  if (found.length !== 1) {
    throw new Error(`${found.length} documents ${kind} ${name ?? ''}`);
  }
  return found[0];
}

/// The container of that name in a Deployment's pods, whichever list holds it.
export function container(deployment, name) {
  const pod = deployment.spec.template.spec;
  return [...pod.containers, ...(pod.initContainers ?? [])].find((c) => c.name === name);
}
