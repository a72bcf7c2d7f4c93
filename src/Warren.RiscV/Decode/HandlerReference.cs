using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Warren.RiscV.Decode;

/// <summary>A handler by name, compiled when first decoded.</summary>
internal sealed unsafe class HandlerReference(
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.NonPublicMethods)] Type type,
    string method)
{
    private Handler _code;

    /// <summary>Address to put into ops.</summary>
    internal Handler Code
    {
        get
        {
            if (_code == null)
                _code = Compile();

            return _code;
        }
    }

    private Handler Compile()
    {
        var info = type.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
            ?? throw new MissingMethodException(type.FullName, method);
        RuntimeTypeHandle[] arguments = [.. type.GetGenericArguments().Select(static argument => argument.TypeHandle)];
        if (arguments.Length == 0)
            RuntimeHelpers.PrepareMethod(info.MethodHandle);
        else
            RuntimeHelpers.PrepareMethod(info.MethodHandle, arguments);

        return (Handler)SkipPrecode((byte*)info.MethodHandle.GetFunctionPointer());
    }

    /// <summary>
    /// A function pointer leads to a stub, `jmp [rip + n]`, that leads to the code. For methods compiled once and for all (every handler
    /// is: AggressiveOptimization takes no part in tiering) the code never moves, so ops may jump to it at once: a third more speed.
    /// Where the bytes are anything else, the pointer is used as it is.
    /// </summary>
    private static void* SkipPrecode(byte* stub)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || stub[0] != 0xff || stub[1] != 0x25)
            return stub;

        var next = stub + 6;
        var target = *(byte**)(next + *(int*)(stub + 2));
        return target == next ? stub : target;
    }
}
