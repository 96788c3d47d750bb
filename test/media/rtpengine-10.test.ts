import { mediaSuite } from './media-suite.js';

mediaSuite('rtpengine-10');
