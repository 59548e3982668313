import { writeFileSync } from 'node:fs';
import { indexPage } from './index-page.ts';
import { INDEX, readDecisions } from './pages.ts';

/** Writes the index of the decisions; run by `make generate`. */
writeFileSync(INDEX, await indexPage(readDecisions()));
