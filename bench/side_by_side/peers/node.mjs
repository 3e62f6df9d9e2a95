// What many teams write: an application that caches its answers in Redis by itself.
//   node node.mjs PORT REDIS_PORT BACKEND_PORT IOREDIS_MODULE
import http from 'node:http';
import {createRequire} from 'node:module';

const [port, redisPort, backendPort, module] = process.argv.slice(2);
const Redis = createRequire(import.meta.url)(module);
const redis = new Redis({host: '127.0.0.1', port: Number(redisPort), enableAutoPipelining: true});
const agent = new http.Agent({keepAlive: true, maxSockets: 128});

function fetchFromBackend(request) {
  return new Promise((resolve, reject) => {
    const asked = http.request(
        {host: '127.0.0.1', port: Number(backendPort), path: request.url, method: request.method, agent}, (answer) => {
          const parts = [];
          answer.on('data', (part) => parts.push(part));
          answer.on('end', () => resolve(Buffer.concat(parts)));
          answer.on('error', reject);
        });
    asked.on('error', reject);
    asked.end();
  });
}

function send(response, body) {
  response.writeHead(200, {'Content-Type': 'application/json', 'Content-Length': body.length});
  response.end(body);
}

http.createServer(async (request, response) => {
  try {
    const key = 'node:' + request.url;
    if (request.method === 'GET' && !request.url.startsWith('/pass/')) {
      const cached = await redis.getBuffer(key);
      if (cached) {
        return send(response, cached);
      }
      const body = await fetchFromBackend(request);
      await redis.set(key, body, 'EX', 3600);
      return send(response, body);
    }
    request.resume();
    const body = await fetchFromBackend(request);
    if (request.method !== 'GET') {
      await redis.del(key);
    }
    send(response, body);
  } catch (error) {
    response.writeHead(502);
    response.end(String(error));
  }
}).listen(Number(port), '127.0.0.1');
