// A page with the real @sentry/browser, or with the SDK of a framework (frameworks/), in a real Chromium, for tests/browser.rs.
//
// Serves the page on PAGE_PORT, does what the scenario (the one argument) says, and prints one line of JSON: what the page saw. TUNNEL, DSN and
// CANARY, a secret that the page lets slip in many places, come by environment; CHROMIUM may name another browser.
'use strict';

const esbuild = require('esbuild');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const puppeteer = require('puppeteer-core');

const { PAGE_PORT, TUNNEL, DSN, CANARY, CHROMIUM = 'chromium' } = process.env;
const MODULES = path.dirname(path.dirname(path.dirname(require.resolve('puppeteer-core/package.json')))) + '/node_modules';
const PAGE = `http://127.0.0.1:${PAGE_PORT}`;

// Where the packages have their modules for browsers. They are served as they are, without a bundler.
const IMPORTS = {
  '@sentry/browser': 'browser/build/npm/esm/prod/index.js',
  '@sentry/browser-utils': 'browser-utils/build/esm/index.js',
  '@sentry/conventions/attributes': 'conventions/dist/attributes.mjs',
  '@sentry/core': 'core/build/esm/index.js',
  '@sentry/core/browser': 'core/build/esm/browser.js',
  '@sentry/feedback': 'feedback/build/npm/esm/index.js',
  '@sentry/replay': 'replay/build/npm/esm/index.js',
  '@sentry/replay-canvas': 'replay-canvas/build/npm/esm/index.js',
};
const imports = Object.fromEntries(
  Object.entries(IMPORTS).map(([name, file]) => [name, `/modules/@sentry/${file}`]),
);
const HTML = `<!doctype html><title>shop</title>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
  import * as Sentry from '@sentry/browser';
  window.Sentry = Sentry;
</script>
<button id="buy">buy</button>`;

const FRAMEWORKS = ['react', 'vue', 'nextjs'];
const APP = '<!doctype html><title>shop</title><div id="app"></div><script src="/app.js"></script>';

/** The page's script, as a bundler makes it. */
async function bundle(framework) {
  // @sentry/nextjs looks at the router of Next.js, which has nothing to do with how it sends.
  const next = {
    name: 'next',
    setup(build) {
      build.onResolve({ filter: /^next\// }, ({ path }) => ({ path, namespace: 'next' }));
      build.onLoad({ filter: /./, namespace: 'next' }, () => ({ contents: 'module.exports = { events: { on() {} } }' }));
    },
  };
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(__dirname, 'frameworks', `${framework}.mjs`)],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    nodePaths: [MODULES],
    plugins: [next],
    define: {
      'process.env': '{}',
      'process.env.NODE_ENV': '"production"',
      'process.env._sentryRewritesTunnelPath': JSON.stringify(TUNNEL),
    },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

let app;

function serve(request, response) {
  const { pathname } = new URL(request.url, PAGE);
  if (pathname === '/app.js') {
    response.setHeader('Content-Type', 'text/javascript');
    response.end(app);
  } else if (pathname.startsWith('/modules/')) {
    const file = path.normalize(path.join(MODULES, pathname.slice('/modules'.length)));
    response.setHeader('Content-Type', 'text/javascript');
    fs.createReadStream(file).on('error', () => response.writeHead(404).end()).pipe(response);
  } else if (pathname === '/') {
    // Without this there are no profiles.
    response.setHeader('Document-Policy', 'js-profiling');
    response.setHeader('Content-Type', 'text/html');
    response.end(app ? APP : HTML);
  } else {
    response.writeHead(404).end();
  }
}

function init(page, more = {}) {
  const options = { dsn: DSN, tunnel: TUNNEL, ...more };
  return page.evaluate((options) => {
    const { everything, offline, ...rest } = options;
    const integrations = everything
      ? [
          Sentry.browserTracingIntegration({ idleTimeout: 100, finalTimeout: 2000 }),
          Sentry.browserProfilingIntegration(),
          Sentry.replayIntegration({ maskAllText: false, blockAllMedia: false }),
          Sentry.feedbackAsyncIntegration({ autoInject: false }),
        ]
      : [];
    if (offline) {
      rest.transport = Sentry.makeBrowserOfflineTransport(Sentry.makeFetchTransport);
    }
    Sentry.init({ ...rest, integrations });
  }, options);
}

/** Reports one error, and waits until all is sent, or the time is over. */
function fail(page, message, time = 10000) {
  return page.evaluate(
    async (message, time) => {
      Sentry.captureException(new RangeError(message));
      return Sentry.flush(time);
    },
    message,
    time,
  );
}

const SCENARIOS = {
  // All that the SDK can send, with secrets in it.
  async everything(page) {
    await init(page, {
      everything: true,
      // Without one there are no sessions.
      release: 'shop@1.0.0',
      tracesSampleRate: 1,
      profilesSampleRate: 1,
      profileSessionSampleRate: 1,
      profileLifecycle: 'trace',
      replaysSessionSampleRate: 1,
      sendDefaultPii: true,
    });
    await page.evaluate(async (canary) => {
      document.cookie = `session=${canary}`;
      console.log(`signed in with password=${canary}`);
      await fetch(`/nothing?token=${canary}&page=2`).catch(() => {});
      await Sentry.startSpan({ name: `GET /cart?token=${canary}` }, async () => {});
      Sentry.setExtra('shop', { password: canary, branch: 'krakow' });
      Sentry.captureFeedback({ message: `it says password: ${canary}`, name: 'A Customer' });
    }, CANARY);
    await page.click('#buy');
    const flushed = await fail(page, `the till is out of paper, token=${CANARY}`);
    await page.evaluate(() => Sentry.getReplay().flush());
    return { flushed };
  },
  // Three errors, one after the other.
  async limited(page) {
    await init(page);
    for (const n of [1, 2, 3]) {
      await fail(page, `error ${n}`);
    }
    return {};
  },
  async blocked(page) {
    await init(page);
    await fail(page, 'nobody hears this', 3000);
    return {};
  },
  // An error in the moment in which the page goes away.
  async leaving(page) {
    await init(page);
    await page.evaluate(() => {
      addEventListener('pagehide', () => Sentry.captureException(new RangeError('leaving')));
    });
    await page.goto('about:blank');
    return {};
  },
  // What pages send by hand when they go.
  async beacon(page) {
    const head = JSON.stringify({ dsn: DSN, event_id: '9ec79c33ec9942ab8353589fcb2e04dc' });
    const body = JSON.stringify({ message: `bye, token=${CANARY}` });
    const envelope = `${head}\n{"type":"event"}\n${body}\n`;
    const sent = await page.evaluate((url, text) => navigator.sendBeacon(url, text), TUNNEL, envelope);
    return { sent };
  },
  // An error without a network, which is sent when there is one.
  async offline(page) {
    await init(page, { offline: true });
    await page.setOfflineMode(true);
    await fail(page, 'in a tunnel', 2000);
    await page.setOfflineMode(false);
    // The next one that goes through takes those along that are kept.
    await fail(page, 'out of the tunnel');
    return {};
  },
};

for (const framework of FRAMEWORKS) {
  // An error in what the framework calls.
  SCENARIOS[framework] = async (page) => {
    await page.evaluate((options, canary) => window.start(options, canary), { dsn: DSN, tunnel: TUNNEL }, CANARY);
    await page.click('#sell');
    return { flushed: await page.evaluate(() => Sentry.flush(10000)) };
  };
}

async function main() {
  if (FRAMEWORKS.includes(process.argv[2])) {
    app = await bundle(process.argv[2]);
  }
  const server = http.createServer(serve).listen(Number(PAGE_PORT), '127.0.0.1');
  const browser = await puppeteer.launch({
    executablePath: CHROMIUM.includes('/') ? CHROMIUM : `/usr/bin/${CHROMIUM}`,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  try {
    const page = await browser.newPage();
    const answers = [];
    const urls = [];
    const console_ = [];
    page.on('response', (response) => {
      if (response.url().startsWith(TUNNEL) && response.request().method() === 'POST') {
        answers.push(response.status());
        urls.push(response.url());
      }
    });
    page.on('console', (message) => console_.push(message.text()));
    page.on('pageerror', (error) => console_.push(String(error)));
    await page.goto(`${PAGE}/?token=${CANARY}`);
    await page.waitForFunction(() => window.Sentry);
    const seen = await SCENARIOS[process.argv[2]](page);
    // For what has been sent and is not waited for.
    if (process.env.WAIT_FOR_STDIN) {
      process.stdout.write(JSON.stringify({ ...seen, answers, urls, console: console_ }) + '\n');
      await new Promise((resolve) => process.stdin.once('data', resolve));
      return;
    }
    process.stdout.write(JSON.stringify({ ...seen, answers, urls, console: console_ }) + '\n');
  } finally {
    await browser.close();
    server.close();
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
