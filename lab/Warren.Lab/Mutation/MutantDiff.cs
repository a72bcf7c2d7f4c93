using System.Globalization;
using System.Text;

namespace Warren.Lab.Mutation;

/// <summary>A mutant as <c>git diff</c> would print it: what <c>warren lab try</c> takes.</summary>
internal static class MutantDiff
{
    private const int Context = 3;

    internal static string Of(Mutant mutant)
    {
        var source = mutant.Member.Declaration.SyntaxTree.GetText();
        var old = source.ToString().TrimEnd('\n').Split('\n');
        var now = MutantWriter.Apply(source, new(0, source.Length), mutant.Edit.Changes).TrimEnd('\n').Split('\n');
        var same = old.Zip(now).TakeWhile(p => p.First == p.Second).Count();
        var sameAtEnd = old.Reverse().Zip(now.Reverse()).Take(Math.Min(old.Length, now.Length) - same).TakeWhile(p => p.First == p.Second)
            .Count();
        var (from, to) = (Math.Max(0, same - Context), Math.Min(old.Length, old.Length - sameAtEnd + Context));
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"--- a/{mutant.File}\n+++ b/{mutant.File}\n@@ -{from + 1},{to - from} +{from + 1},{to - from + now.Length - old.Length} @@ ");
        text.Append(mutant.Member.Name).Append('\n');
        Lines(' ', old[from..same]);
        Lines('-', old[same..(old.Length - sameAtEnd)]);
        Lines('+', now[same..(now.Length - sameAtEnd)]);
        Lines(' ', old[(old.Length - sameAtEnd)..to]);
        return text.ToString();

        void Lines(char mark, IEnumerable<string> lines)
        {
            foreach (var line in lines)
                text.Append(mark).Append(line).Append('\n');
        }
    }
}
