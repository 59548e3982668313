import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Project } from './boundaries.ts';

interface NxGraph {
  graph: { nodes: Record<string, { data: { root: string } }> };
}

/**
 * The projects as Nx sees them, so that what Nx builds and what is checked cannot differ.
 *
 * @throws when Nx cannot read the workspace, with what it printed. Takes about two seconds.
 */
export function readProjects(workspaceRoot: string): Project[] {
  const { graph } = nxGraph(workspaceRoot);
  return Object.values(graph.nodes)
    .map(({ data }) => data.root)
    .filter((root) => root !== '.')
    .map((root) => {
      const manifest = JSON.parse(readFileSync(join(workspaceRoot, root, 'package.json'), 'utf8')) as Manifest;
      return {
        name: manifest.name,
        root,
        dependencies: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
        devDependencies: Object.keys(manifest.devDependencies ?? {}),
      };
    });
}

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

function nxGraph(workspaceRoot: string): NxGraph {
  const scratch = mkdtempSync(join(tmpdir(), 'nx-graph-'));
  try {
    const file = join(scratch, 'graph.json');
    execFileSync('npx', ['nx', 'graph', `--file=${file}`], {
      cwd: workspaceRoot,
      stdio: 'pipe',
      env: { ...process.env, NX_DAEMON: 'false' },
    });
    return JSON.parse(readFileSync(file, 'utf8')) as NxGraph;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
