"""Machine words: what a processor does with 64 bits or 64 characters at once, and Python cannot say."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def popcount(typing_context: Any, word: Any) -> Any:
    """Number of bits set in a uint64, as an int64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), code


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typing_context: Any, word: Any) -> Any:
    """Position of the lowest bit set in a uint64 that is not 0, as an int64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.int64(types.uint64), code


@intrinsic  # type: ignore[untyped-decorator]
def where_equal(typing_context: Any, chars: Any, start: Any, char: Any) -> Any:
    """Which of the 64 elements of a C-contiguous array from `start` on equal `char`: a bit each, as a uint64.

    The array must have 64 elements there. Vectors of this length are split into what the processor
    has, so this is one instruction to some thirty.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        number = ir.IntType(32)
        vector = ir.VectorType(context.get_data_type(signature.args[0].dtype), 64)
        first = builder.gep(array.data, [arguments[1]])
        found = builder.load(builder.bitcast(first, vector.as_pointer()), align=1)
        none = ir.Constant(vector, ir.Undefined)
        single = builder.insert_element(none, arguments[2], ir.Constant(number, 0))
        sought = builder.shuffle_vector(single, none, ir.Constant(ir.VectorType(number, 64), None))
        return builder.bitcast(builder.icmp_unsigned("==", found, sought), ir.IntType(64))

    return types.uint64(chars, types.uint64, chars.dtype), code


@intrinsic  # type: ignore[untyped-decorator]
def fetch_ahead(typing_context: Any, array: Any, at: Any) -> Any:
    """Ask for the memory around an element that is soon read; `at` counts elements over all axes.

    In large tables most of a comparison would else be waiting for its two values.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        number, place = ir.IntType(32), ir.PointerType(ir.IntType(8))
        kind = ir.FunctionType(ir.VoidType(), [place, number, number, number])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [place], kind)
        address = builder.bitcast(builder.gep(data, [arguments[1]]), place)
        reading, kept, of_data = (ir.Constant(number, n) for n in (0, 3, 1))
        builder.call(fetch, [address, reading, kept, of_data])
        return context.get_dummy_value()

    return types.void(array, types.uint64), code
