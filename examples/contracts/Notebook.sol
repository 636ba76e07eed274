// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title A notebook in which everybody has one page, used by the localnet's demonstration.
contract Notebook {
    /// @notice Says that somebody wrote on a page.
    event Written(address indexed author, uint256 value, uint256 total);

    /// @notice Thrown when a page is written with what it already says.
    error Unchanged(uint256 value);

    /// @notice What everybody wrote last.
    mapping(address author => uint256 value) public pages;

    /// @notice How often anybody wrote.
    uint256 public total;

    /// @notice Writes on the caller's page.
    function write(uint256 value) external {
        if (pages[msg.sender] == value) revert Unchanged(value);
        pages[msg.sender] = value;
        total += 1;
        emit Written(msg.sender, value, total);
    }
}
