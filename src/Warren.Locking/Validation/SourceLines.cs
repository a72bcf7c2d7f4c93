using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace Warren.Locking;

/// <summary>File and line of an instruction, from the portable PDB beside its assembly.</summary>
internal static class SourceLines
{
    private static readonly Dictionary<string, MetadataReaderProvider?> Symbols = [];

    /// <returns>For example <c>TdpMmu.cs:120</c>, or null where there are no symbols.</returns>
    internal static string? Find(MethodBase method, int offset)
    {
        try
        {
            if (method.MetadataToken == 0 || Open(method.Module) is not { } reader)
                return null;
            var handle = ((MethodDefinitionHandle)MetadataTokens.Handle(method.MetadataToken)).ToDebugInformationHandle();
            string? found = null;
            foreach (var point in reader.GetMethodDebugInformation(handle).GetSequencePoints())
            {
                if (point.Offset > offset && found is not null)
                    break;
                if (!point.IsHidden)
                    found = $"{Path.GetFileName(reader.GetString(reader.GetDocument(point.Document).Name))}:{point.StartLine}";
            }

            return found;
        }
        catch (Exception e)
            when (e is BadImageFormatException or IOException or InvalidCastException or InvalidOperationException or NotSupportedException)
        {
            return null;
        }
    }

    private static MetadataReader? Open(Module module)
    {
        var path = Path.ChangeExtension(module.FullyQualifiedName, ".pdb");
        lock (Symbols)
        {
            if (!Symbols.TryGetValue(path, out var provider))
            {
                provider = File.Exists(path) ? MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(path)) : null;
                Symbols.Add(path, provider);
            }

            return provider?.GetMetadataReader();
        }
    }
}
