using System.Reflection;

namespace Warren.Lab.Mutation;

/// <summary>
/// The switch that decides at run time which mutant executes: a class that the mutated build has in <c>Warren.Locking</c>, which all three
/// use. Here is its source, and the way to it in the
/// context that this assembly was loaded into.
/// </summary>
internal static class MutantSwitch
{
    internal const string File = "MutantSwitch.cs";

    /// <summary>How generated code calls it.</summary>
    internal const string Name = "global::Warren.Locking.MutantSwitch";

    internal const string WeakAtomics = "WeakAtomics";

    /// <summary>None of them.</summary>
    internal const int Original = -1;

    internal const string Source = """
        namespace Warren.Locking;

        public static class MutantSwitch
        {
            public static int Active = -1;
            public static byte[]? Reached;

            public static bool In(int first, int count) => (uint)(Active - first) < (uint)count;

            public static void Reach(int site)
            {
                if (Reached is { } reached)
                    reached[site] = 1;
            }
        }

        public static class WeakAtomics
        {
            public static T Add<T>(ref T location, T value, object? owner = null) where T : System.Numerics.IBinaryInteger<T>
            {
                var result = Atomics.Read(ref location, owner) + value;
                Atomics.Write(ref location, result, owner);
                return result;
            }

            public static T Or<T>(ref T location, T value, object? owner = null) where T : System.Numerics.IBinaryInteger<T>
            {
                var old = Atomics.Read(ref location, owner);
                Atomics.Write(ref location, old | value, owner);
                return old;
            }

            public static T And<T>(ref T location, T value, object? owner = null) where T : System.Numerics.IBinaryInteger<T>
            {
                var old = Atomics.Read(ref location, owner);
                Atomics.Write(ref location, old & value, owner);
                return old;
            }

            public static T Increment<T>(ref T location, object? owner = null) where T : System.Numerics.IBinaryInteger<T> => Add(ref location, T.One, owner);

            public static T Decrement<T>(ref T location, object? owner = null) where T : System.Numerics.IBinaryInteger<T> => Add(ref location, T.Zero - T.One, owner);

            public static T Exchange<T>(ref T location, T value, object? owner = null)
            {
                var old = Atomics.Read(ref location, owner);
                Atomics.Write(ref location, value, owner);
                return old;
            }

            public static T CompareExchange<T>(ref T location, T value, T comparand, object? owner = null)
            {
                var old = Atomics.Read(ref location, owner);
                if (System.Collections.Generic.EqualityComparer<T>.Default.Equals(old, comparand))
                    Atomics.Write(ref location, value, owner);
                return old;
            }
        }

        """;

    private static readonly Type? Type = typeof(Warren.Locking.Check).Assembly.GetType("Warren.Locking.MutantSwitch");

    /// <summary>Chooses the mutant that executes from here on, in this context. Between two explorations.</summary>
    /// <exception cref="VariantException">The production assemblies here are not mutated ones.</exception>
    internal static void Choose(int mutant) => Field("Active").SetValue(null, mutant);

    /// <summary>Notes what is executed from here on, a byte each site; null: not any more.</summary>
    internal static void Record(byte[]? reached) => Field("Reached").SetValue(null, reached);

    private static FieldInfo Field(string name) =>
        Type?.GetField(name) ?? throw new VariantException("There are no mutants in the production assemblies of this context.");
}
