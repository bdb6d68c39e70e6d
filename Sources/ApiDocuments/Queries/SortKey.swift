/// The value of a row in the sorted column. All keys of one column have the same case.
package enum SortKey: Comparable {
    case number(UInt64)
    case rate(Double)
    case text(String)
}
