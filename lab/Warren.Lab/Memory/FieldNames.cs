using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Warren.Lab;

/// <summary>
/// Names the place that a step touches, from the owner and the byte offset a step carries: <c>InvalidationState.InProgress</c>, <c>int[][3]</c>. The
/// runtime decides where fields lie, so each type's layout is measured once.
/// </summary>
internal static class FieldNames
{
    private static readonly ConcurrentDictionary<Type, (nint Offset, string Name)[]> Layouts = new();

    /// <summary>The field alone: "InProgress", "[3]", or "+0x48" where no field begins.</summary>
    internal static string Of(object owner, nint offset)
    {
        var type = owner.GetType();
        if (type.IsArray)
            return ArrayElement((Array)owner, type.GetElementType()!, offset);
        foreach (var (at, name) in Layouts.GetOrAdd(type, static (_, o) => Measure(o), owner))
        {
            if (at == offset)
                return name;
        }

        return string.Create(CultureInfo.InvariantCulture, $"+0x{offset:x}");
    }

    private static string ArrayElement(Array array, Type element, nint offset)
    {
        // Arrays carry their length, padded to a pointer, in front of the elements.
        var size = element.IsValueType ? SizeOf(element) : Unsafe.SizeOf<nint>();
        var index = (offset - Unsafe.SizeOf<nint>()) / size;
        return index >= 0 && index < array.Length
            ? string.Create(CultureInfo.InvariantCulture, $"[{index}]")
            : string.Create(CultureInfo.InvariantCulture, $"+0x{offset:x}");
    }

    private static int SizeOf(Type type)
    {
        var method = new DynamicMethod("size", typeof(int), [], typeof(FieldNames).Module, skipVisibility: true);
        var il = method.GetILGenerator();
        il.Emit(OpCodes.Sizeof, type);
        il.Emit(OpCodes.Ret);
        return (int)method.Invoke(null, [])!;
    }

    private static (nint, string)[] Measure(object instance)
    {
        var found = new List<(nint, string)>();
        var type = instance.GetType();
        for (var at = type; at is not null && at != typeof(object); at = at.BaseType!)
            Add(found, instance, type, [], at);
        return [.. found];
    }

    private static void Add(List<(nint, string)> found, object instance, Type type, FieldInfo[] path, Type declaring)
    {
        const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        foreach (var field in declaring.GetFields(own))
        {
            FieldInfo[] chain = [.. path, field];
            // A struct of several fields is named by them; one field deep inside a wrapper by the wrapper.
            if (field.FieldType is { IsValueType: true, IsPrimitive: false, IsEnum: false, IsPointer: false } inner && path.Length < 3
                && inner.GetFields(own).Length > 0)
            {
                Add(found, instance, type, chain, inner);
            }
            else
            {
                found.Add((Offset(instance, type, chain), Clean(field.Name)));
            }
        }
    }

    private static string Clean(string name)
    {
        if (name.StartsWith('<'))
            name = name[1..name.IndexOf('>', StringComparison.Ordinal)];
        name = name.TrimStart('_');
        return name.Length == 0 ? "value" : char.ToUpperInvariant(name[0]) + name[1..];
    }

    /// <summary>Distance of the field from the first byte behind the object's header.</summary>
    private static nint Offset(object instance, Type type, FieldInfo[] chain)
    {
        var method = new DynamicMethod("offset", typeof(nint), [typeof(object)], typeof(FieldNames).Module, skipVisibility: true);
        var il = method.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Castclass, type);
        foreach (var field in chain)
            il.Emit(OpCodes.Ldflda, field);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldflda, typeof(Anchor).GetField(nameof(Anchor.First))!);
        // Of references, not of addresses: the collector may move the object in between.
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Ret);
        return method.CreateDelegate<Func<object, nint>>()(instance);
    }

    private sealed class Anchor
    {
#pragma warning disable CS0649 // Never assigned: only its place matters.
        public byte First;
#pragma warning restore CS0649
    }
}
