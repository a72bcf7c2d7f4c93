using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Warren.Lab;

/// <summary>
/// Finds the name of a field by its distance from the start of its object's fields. For traces only: slow the first time a type is asked
/// about.
/// </summary>
internal static class FieldNames
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private delegate ref byte FieldAddress(object instance);

    private static readonly ConditionalWeakTable<Type, List<(nint Offset, string Name)>> Known = [];

    /// <summary>".Field", "[index]", or the distance where no field is known.</summary>
    internal static string Of(object instance, nint offset)
    {
        var type = instance.GetType();
        if (type.IsArray)
        {
            var size = ElementSize(type.GetElementType()!);
            // An array's first field is its length, padded to a pointer.
            return $"[{(offset - IntPtr.Size) / size}]";
        }

        (nint Offset, string Name)? best = null;
        if (!Known.TryGetValue(type, out var fields))
        {
            fields = Fields(type, instance);
            Known.AddOrUpdate(type, fields);
        }

        foreach (var field in fields)
        {
            if (field.Offset <= offset && (best is null || field.Offset > best.Value.Offset))
                best = field;
        }

        if (best is not { } found)
            return $"+{offset}";
        return found.Offset == offset ? "." + found.Name : $".{found.Name}+{offset - found.Offset}";
    }

    /// <summary>
    /// The name as people write it: without the mark of a private field, and of the property where the compiler made the field.
    /// </summary>
    private static string Clean(string name) =>
        name.StartsWith('<') ? name[1..name.IndexOf('>', StringComparison.Ordinal)] : name.TrimStart('_');

    private static int ElementSize(Type element) => element.IsValueType
        ? (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(element).Invoke(null, null)!
        : IntPtr.Size;

    private static List<(nint Offset, string Name)> Fields(Type type, object sample)
    {
        var fields = new List<(nint, string)>();
        for (var t = type; t is not null && t != typeof(object); t = t.BaseType)
            Add(fields, sample, [], t);
        return fields;
    }

    /// <summary>The fields of a struct in a field go by their own names: the struct is there for padding, mostly.</summary>
    private static void Add(List<(nint, string)> fields, object sample, FieldInfo[] path, Type declaring)
    {
        foreach (var field in declaring.GetFields(Own))
        {
            FieldInfo[] chain = [.. path, field];
            var inner = field.FieldType;
            if (inner is { IsValueType: true, IsPrimitive: false, IsEnum: false } && path.Length < 2 && inner.GetFields(Own).Length > 1)
                Add(fields, sample, chain, inner);
            else if (OffsetOf(sample, chain) is { } offset)
                fields.Add((offset, Clean(field.Name)));
        }
    }

    private static nint? OffsetOf(object sample, FieldInfo[] chain)
    {
        try
        {
            var method =
                new DynamicMethod("address", typeof(byte).MakeByRefType(), [typeof(object)], typeof(FieldNames).Module,
                    skipVisibility: true);
            var il = method.GetILGenerator();
            il.Emit(OpCodes.Ldarg_0);
            foreach (var field in chain)
                il.Emit(OpCodes.Ldflda, field);
            il.Emit(OpCodes.Ret);
            var address = method.CreateDelegate<FieldAddress>();
            return Unsafe.ByteOffset(ref Unsafe.As<FirstField>(sample).Value, ref address(sample));
        }
        catch (Exception e) when (e is InvalidProgramException or NotSupportedException or TypeLoadException)
        {
            return null;
        }
    }

    private sealed class FirstField
    {
#pragma warning disable CS0649 // Never assigned: no object of this type exists.
        internal byte Value;
#pragma warning restore CS0649
    }
}
