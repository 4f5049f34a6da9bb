import { stopTestServers } from './servers.js';

/** Run once after all tests, by Jest. */
export default stopTestServers;
