#!/usr/bin/env node
// A small builder of assets: the file under the name of its digest, and the manifest.
const { createHash } = require('crypto');
const { mkdirSync, readFileSync, writeFileSync } = require('fs');
const from = 'resources/js/app.js';
const text = readFileSync(from);
const file = `assets/app-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.js`;
mkdirSync('public/build/assets', { recursive: true });
writeFileSync(`public/build/${file}`, text);
writeFileSync('public/build/manifest.json', JSON.stringify({ [from]: { file } }));
