export { connectBooks, type Books } from './connect.js';
export { waitForPostgres, type DatabaseSettings } from './database.js';
export { createSecretBox } from './secret-box.js';
