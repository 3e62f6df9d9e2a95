// Whether Kubernetes would take a manifest, without a Kubernetes. Two looks, since neither sees all: the
// models' validate() finds wrong types and bad patterns and overlooks unknown fields; the TypeScript
// compiler finds wrong types and unknown fields and knows no patterns. mutants_test.mjs holds them to that.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

function packageOf(apiVersion) {
  return apiVersion.startsWith('monitoring.coreos.com/')
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;
}

function nameOf(doc) {
  return `${doc.kind} ${doc.metadata?.name}`;
}

async function patternProblems(doc) {
  const models = await import(packageOf(doc.apiVersion));
  const Model = models[doc.kind];
  if (Model === undefined) {
    return [`${doc.apiVersion} has no ${doc.kind}`];
  }
  try {
    new Model(structuredClone(doc)).validate();
    return [];
  } catch (error) {
    return [error.message];
  }
}

/// For each document what the compiler says of it. One run for all: it costs a second and a half.
function typeProblems(docs) {
  // Beside node_modules, where the compiler finds the models.
  const folder = mkdtempSync(join(process.cwd(), 'types-'));
  try {
    let line = 1;
    const lines = [];
    const begins = [];
    for (const [i, doc] of docs.entries()) {
      begins.push(line);
      const text = `import type { I${doc.kind} as T${i} } from '${packageOf(doc.apiVersion)}';\n` +
        `export const d${i}: T${i} = ${JSON.stringify(doc, null, 1)};\n`;
      lines.push(text);
      line += text.split('\n').length - 1;
    }
    const file = join(folder, 'manifests.ts');
    writeFileSync(file, lines.join(''));
    let printed = '';
    try {
      execFileSync('node', ['node_modules/typescript/bin/tsc', '--noEmit', '--strict', '--skipLibCheck',
        '--pretty', 'false', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--target', 'es2022', file],
        { encoding: 'utf8' });
    } catch (error) {
      printed = error.stdout;
    }
    const problems = docs.map(() => []);
    for (const [, at, text] of printed.matchAll(/^[^\n(]*\((\d+),\d+\): error (.*)$/gm)) {
      const i = begins.findLastIndex((begin) => begin <= Number(at));
      problems[i].push(text);
    }
    if (printed !== '' && problems.flat().length === 0) {
      throw new Error(`the compiler did not get as far as the manifests:\n${printed}`);
    }
    return problems;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/// What is wrong with each document; an empty list for those that are right.
export async function problemsOf(docs) {
  const types = typeProblems(docs);
  const all = [];
  for (const [i, doc] of docs.entries()) {
    const found = [...await patternProblems(doc), ...types[i]];
    all.push(found.map((text) => `${nameOf(doc)}: ${text}`));
  }
  return all;
}
