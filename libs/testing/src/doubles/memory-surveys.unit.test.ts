import { pointSurveysContract } from '../contracts/surveys.js';
import { MemoryCatalogue } from './memory-catalogue.js';
import { MemoryPointSurveys } from './memory-surveys.js';

pointSurveysContract('The double', async () => {
  let passed = 0;
  const catalogue = new MemoryCatalogue();
  const surveys = new MemoryPointSurveys(catalogue, () => Date.now() + passed);
  return { surveys, catalogue, pass: async (milliseconds) => void (passed += milliseconds), dispose: async () => {} };
});
