// A shop in React: what is thrown while it renders is caught by the boundary of @sentry/react.
import * as Sentry from '@sentry/react';
import { createElement, useState } from 'react';
import { createRoot } from 'react-dom/client';

function Till({ password }) {
  const [sold, sell] = useState(false);
  if (sold) {
    throw new RangeError(`the till is out of paper, token=${password}`);
  }
  return createElement('button', { id: 'sell', onClick: () => sell(true) }, 'sell');
}

window.Sentry = Sentry;
window.start = (options, canary) => {
  Sentry.init(options);
  const till = createElement(Till, { password: canary });
  const boundary = createElement(Sentry.ErrorBoundary, { fallback: 'sorry' }, till);
  createRoot(document.getElementById('app')).render(boundary);
};
