/** Stores the suite's cases as the built loader reads them. Cases with mistakes are not stored, and read on each run. */
import { CaseFilesError } from '../dist/run/case-files-error.js';
import { buildOwnCases } from '../dist/run/load-cases.js';

try {
  buildOwnCases();
} catch (error) {
  if (!(error instanceof CaseFilesError)) throw error;
  console.error(error.message);
}
