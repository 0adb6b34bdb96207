"""Ways to run a network on a CPU, in one thread each: a function per way, and the table of them."""

import copy
import importlib
import warnings
from collections.abc import Callable
from typing import Any

from curator_indexes.runtime import load_torch

Job = Callable[[], Any]


def channels_last(model: Any, batch: Any) -> Job:
    """As `curator` runs every network."""
    torch = load_torch()
    turned = copy.deepcopy(model).to(memory_format=torch.channels_last)
    pixels = batch.to(memory_format=torch.channels_last)
    return lambda: turned(pixels)


def bfloat16(model: Any, batch: Any) -> Job:
    """Weights and activations in bfloat16, channels last."""
    torch = load_torch()
    turned = copy.deepcopy(model).to(torch.bfloat16, memory_format=torch.channels_last)
    pixels = batch.to(torch.bfloat16, memory_format=torch.channels_last)
    return lambda: turned(pixels)


def compiled(model: Any, batch: Any) -> Job:
    """torch.compile, channels last; needs a C++ compiler."""
    torch = load_torch()
    turned = torch.compile(copy.deepcopy(model).to(memory_format=torch.channels_last))
    pixels = batch.to(memory_format=torch.channels_last)
    return lambda: turned(pixels)


def onnx_runtime(model: Any, batch: Any) -> Job:
    """ONNX Runtime, one thread."""
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(exported(model, batch), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"pixels": batch.numpy()})[0]


def openvino(precision: str) -> Callable[[Any, Any], Job]:
    """OpenVINO, one thread."""

    def make(model: Any, batch: Any) -> Job:
        core = importlib.import_module("openvino").Core()
        settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision}
        network = core.compile_model(core.read_model(exported(model, batch)), "CPU", settings)
        return lambda: network(batch.numpy())[0]

    return make


def exported(model: Any, batch: Any) -> bytes:
    """The network as ONNX."""
    with warnings.catch_warnings(), load_torch().inference_mode(False):
        warnings.simplefilter("ignore")
        program = load_torch().onnx.export(
            model, (batch.clone(),), input_names=["pixels"], dynamo=True, verbose=False
        )
    proto: bytes = program.model_proto.SerializeToString()
    return proto


RUNTIMES: dict[str, Callable[[Any, Any], Job]] = {
    "eager": lambda model, batch: lambda: model(batch),
    "channels last": channels_last,
    "bfloat16": bfloat16,
    "compiled": compiled,
    "ONNX Runtime": onnx_runtime,
    "OpenVINO float32": openvino("f32"),
    "OpenVINO bfloat16": openvino("bf16"),
}
