import { render } from 'preact';
import { config } from 'zod';
import { App } from './app.js';
import { restore } from './lib/token.js';

// The page's policy allows no code that is made of text.
config({ jitless: true });
restore();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
