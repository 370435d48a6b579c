// The browser's half of @sentry/nextjs, with a tunnel route as its build plugin writes it in (browser.cjs): it makes the URL of it.
import * as Sentry from '@sentry/nextjs';

window.Sentry = Sentry;
window.start = ({ tunnel, ...options }, canary) => {
  Sentry.init(options);
  document.getElementById('app').innerHTML = '<button id="sell">sell</button>';
  document.getElementById('sell').onclick = () => {
    throw new RangeError(`the till is out of paper, token=${canary}`);
  };
};
