// An Express shop with the real @sentry/node, for tests/real_sdks.rs.
//
// Prints the port it listens on, fails in /checkout after one outgoing call, and ends after /quit, with everything
// sent. DSN, PII (0 or 1), OUTGOING_TOKEN and MESSAGE come by environment.
'use strict';

const Sentry = require('@sentry/node');

Sentry.init({ dsn: process.env.DSN, sendDefaultPii: process.env.PII === '1' });

// After Sentry.init, which has to see it being loaded.
const express = require('express');
const http = require('node:http');

const app = express();

function call(url) {
  return new Promise((resolve, reject) => {
    http.get(url, (response) => response.resume().on('end', resolve)).on('error', reject);
  });
}

app.get('/stock', (_request, response) => response.send('plenty'));

app.get('/checkout', async (request) => {
  const { port } = server.address();
  const stock = `http://127.0.0.1:${port}/stock?token=${process.env.OUTGOING_TOKEN}&page=2`;
  // The SDK filters tokens in the URLs it knows, and they come back with what was printed.
  console.log('checkout', request.url, 'asks', stock);
  await call(stock);
  throw new RangeError(process.env.MESSAGE);
});

app.get('/quit', async (_request, response) => {
  response.send('bye');
  const sent = await Sentry.flush(20000);
  process.exit(sent ? 0 : 1);
});

Sentry.setupExpressErrorHandler(app);

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
