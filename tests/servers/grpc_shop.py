"""A gRPC server: `grpc_shop.py PORT WAY`.

Where it is "hung", all of its threads wait for an answer of the bank. Where it is "every-method", it takes each call
for a stream of news, and there are none.
"""

import queue
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

PORT, WAY = sys.argv[1:3]
THREADS = 2
bank_answers: queue.Queue[bytes] = queue.Queue()


def check(request: bytes, context: grpc.ServicerContext) -> bytes:
    """HealthCheckResponse: field 1 is the state."""
    if request and request[2:] != b"shop.Orders":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return b"\x08\x02" if WAY == "not-serving" else b"\x08\x01"


def book(request: bytes, context: grpc.ServicerContext) -> bytes:
    return bank_answers.get()


def news(request: bytes, context: grpc.ServicerContext):
    yield bank_answers.get()


class EveryMethod(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_stream_rpc_method_handler(news)


def handlers(service: str, name: str, method):
    return grpc.method_handlers_generic_handler(service, {name: grpc.unary_unary_rpc_method_handler(method)})


server = grpc.server(ThreadPoolExecutor(THREADS))
server.add_generic_rpc_handlers((handlers("shop.Orders", "Book", book),))
if WAY == "every-method":
    server.add_generic_rpc_handlers((EveryMethod(),))
elif WAY != "no-health":
    server.add_generic_rpc_handlers((handlers("grpc.health.v1.Health", "Check", check),))
server.add_insecure_port(f"127.0.0.1:{PORT}")
server.start()
if WAY == "hung":
    call = grpc.insecure_channel(f"127.0.0.1:{PORT}").unary_unary("/shop.Orders/Book")
    waiting = [call.future(b"", timeout=600) for _ in range(THREADS)]
server.wait_for_termination()
