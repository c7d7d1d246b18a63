// Serves kinesalite, whose texts its author compared with Amazon's, on a free port of 127.0.0.1, and prints the port.
const server = require('kinesalite')({createStreamMs: 0, deleteStreamMs: 0, updateStreamMs: 0, shardLimit: 1000});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
