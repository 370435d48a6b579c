// A shop in Vue: @sentry/vue catches what is thrown in a handler, and sends the properties of its component along.
import * as Sentry from '@sentry/vue';
import { createApp, h } from 'vue';

const Till = {
  name: 'Till',
  props: ['password', 'branch'],
  render() {
    const sell = () => {
      throw new RangeError(`the till is out of paper, token=${this.password}`);
    };
    return h('button', { id: 'sell', onClick: sell }, 'sell');
  },
};

window.Sentry = Sentry;
window.start = (options, canary) => {
  const app = createApp({ render: () => h(Till, { password: canary, branch: 'krakow' }) });
  Sentry.init({ app, ...options });
  app.mount('#app');
};
