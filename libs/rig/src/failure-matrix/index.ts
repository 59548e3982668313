export { printMatrix, runFailureMatrix } from './matrix.ts';
export type { WriteCase } from './write-case.ts';
